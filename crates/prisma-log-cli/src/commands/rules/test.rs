//! `plog rules test`: the cases that rules bring along.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use prisma_log_core::{Clock as _, Error, SystemClock};
use prisma_log_monitor::{Engine, Kind, Rule};
use prisma_log_tail::LineParser;
use serde_json::json;

use super::rules_of;
use crate::exit::{Failure, Outcome};
use crate::present;
use crate::present::style::{BAD, FAINT, GOOD, STRONG};

/// What a line of a case is said to come from.
const SOURCE: &str = "case.log";

pub(super) fn run(files: &[PathBuf], names: &[String], json: bool) -> Outcome {
    let mut rules = Vec::new();
    for file in files {
        rules.extend(rules_of(Some(file), names)?);
    }
    if files.is_empty() {
        rules = rules_of(None, names)?;
    }
    let tested: Vec<Tested> = rules.iter().map(test).collect::<Result<_, Error>>()?;
    let mut out = anstream::stdout().lock();
    if json {
        for case in tested.iter().flat_map(|rule| &rule.cases) {
            writeln!(out, "{}", case.to_json())?;
        }
    } else {
        for case in tested.iter().flat_map(|rule| &rule.cases).filter(|case| !case.has_passed()) {
            write!(
                out,
                "{}",
                present::rule::failed_case(case.rule, case.should, case.line, &case.because)
            )?;
        }
        table(&mut out, &tested)?;
    }
    let cases: Vec<&Case> = tested.iter().flat_map(|rule| &rule.cases).collect();
    let failed = cases.iter().filter(|case| !case.has_passed()).count();
    if json {
        let without = tested.iter().filter(|rule| rule.cases.is_empty()).count();
        let end = json!({
            "event": "end",
            "rules": tested.len(),
            "rules_without_cases": without,
            "cases": cases.len(),
            "failed": failed,
        });
        writeln!(out, "{end}")?;
    } else {
        let style = if failed == 0 { GOOD } else { BAD };
        let passed = cases.len() - failed;
        writeln!(out, "{style}{passed} of {} cases pass{style:#}", cases.len())?;
    }
    if failed > 0 { Err(Failure::Shown { usage: false }) } else { Ok(()) }
}

/// A rule with its cases.
struct Tested<'r> {
    rule: &'r Rule,
    cases: Vec<Case<'r>>,
}

struct Case<'r> {
    rule: &'r str,
    line: &'r str,
    should: bool,
    matched: bool,
    /// What decided it.
    because: String,
}

impl Case<'_> {
    fn has_passed(&self) -> bool {
        self.matched == self.should
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "event": "case",
            "rule": self.rule,
            "expect": if self.should { "match" } else { "no match" },
            "line": self.line,
            "passed": self.has_passed(),
            "because": self.because,
        })
    }
}

/// Runs the cases of a rule through the parser and an engine that has only this rule.
fn test(rule: &Rule) -> Result<Tested<'_>, Error> {
    // Every match counts here, whatever the rule makes of it.
    let each = rule.to_builder().kind(Kind::Any).build()?;
    let yes = rule.should_match().iter().map(|line| (line, true));
    let no = rule.should_not().iter().map(|line| (line, false));
    let cases = yes.chain(no).map(|(line, should)| {
        let parsed = LineParser::new().parse(line.as_bytes());
        let mut engine = Engine::new([each.clone()])?;
        let mut matches = Vec::new();
        let (source, now) = (Path::new(SOURCE), SystemClock.now());
        if line.contains('\n') {
            // A record of several lines, put together by whoever read it.
            matches = engine.observe(source, &parsed, line.as_bytes(), now);
        } else {
            engine.scan(source, line.as_bytes(), now, &mut matches);
        }
        let matched = !matches.is_empty();
        let explanation = each.explain(&parsed, line.as_bytes(), source);
        let because = match explanation.condition.culprit() {
            _ if explanation.matched != matched => "line and block are read differently".into(),
            Some(culprit) => present::rule::culprit(culprit),
            None => "every condition holds".into(),
        };
        Ok(Case { rule: rule.name(), line, should, matched, because })
    });
    Ok(Tested { rule, cases: cases.collect::<Result<_, Error>>()? })
}

fn table(out: &mut impl std::io::Write, tested: &[Tested<'_>]) -> std::io::Result<()> {
    let with_cases = tested.iter().filter(|tested| !tested.cases.is_empty());
    let width = tested.iter().map(|tested| tested.rule.name().len()).max().unwrap_or(0).max(4);
    writeln!(out, "{FAINT}{:<width$}  should match  should not{FAINT:#}", "rule")?;
    for Tested { rule, cases } in with_cases {
        let count = |should: bool| {
            let those: Vec<&Case> = cases.iter().filter(|case| case.should == should).collect();
            let passed = those.iter().filter(|case| case.has_passed()).count();
            format!("{passed}/{}", those.len())
        };
        let good = cases.iter().all(Case::has_passed);
        let (word, style) = if good { ("ok", GOOD) } else { ("failed", BAD) };
        let name = rule.name();
        let (yes, no) = (count(true), count(false));
        writeln!(
            out,
            "{STRONG}{name:<width$}{STRONG:#}  {yes:>12}  {no:>10}  {style}{word}{style:#}"
        )?;
    }
    let without: Vec<&str> = tested
        .iter()
        .filter(|tested| tested.cases.is_empty())
        .map(|tested| tested.rule.name())
        .collect();
    if !without.is_empty() {
        writeln!(out, "{FAINT}without cases: {}{FAINT:#}", without.join(", "))?;
    }
    Ok(())
}
