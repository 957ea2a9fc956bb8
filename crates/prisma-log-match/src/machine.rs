//! Regular expressions on one text, with a bound on the work.
//!
//! Time is linear in the text whatever the expression is, but the factor may be a thousand, and
//! many expressions times a long text are much. Work is counted in *steps*, about a nanosecond
//! each; who runs out of steps doesn't know whether the text matches.

use std::ops::Range;
use std::sync::OnceLock;

use prisma_log_core::Error;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::hybrid::{BuildError, LazyStateID};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::pool::Pool;
use regex_automata::{Anchored, Input, MatchKind, PatternSet as Matched, meta};

use crate::pattern::{Pattern, refused};

/// One or more expressions.
#[derive(Debug)]
pub(crate) struct Machine {
    patterns: Vec<Pattern>,
    /// Made when it is first needed, unless it is there already.
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    /// The fast one, whose work can't be stopped.
    regex: meta::Regex,
    /// States of the automaton: the most steps that a byte can take.
    states: u64,
    counting: Counting,
}

/// An automaton that counts its steps.
#[derive(Debug)]
struct Counting {
    dfa: DFA,
    caches: Pool<Cache, Box<CacheMaker>>,
    /// Steps for a state that wasn't there.
    state_steps: u64,
}

type CacheMaker =
    dyn Fn() -> Cache + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe;

/// What a compiled expression may have, the default of the `regex` crate; in a set each.
const LARGEST: usize = 10 << 20;
/// Memory for the states of an automaton that counts its steps.
const CACHE: usize = 1 << 20;
/// Steps for a state of the smallest automaton.
const LEAST_STATE_STEPS: u64 = 1000;

impl Machine {
    /// Compiles the expressions to know that they can be, and keeps the outcome as long as `room`,
    /// a number of bytes, is left: of many patterns, few ever find a literal of theirs.
    ///
    /// # Errors
    /// When an expression is malformed, or all together are too big.
    pub(crate) fn new(patterns: Vec<Pattern>, room: &mut usize) -> Result<Self, Error> {
        let compiled = Compiled::of(&patterns)?;
        // Both automata have about the same size.
        let size = 2 * compiled.regex.memory_usage();
        let kept = room.checked_sub(size).map(|left| {
            *room = left;
            OnceLock::from(Some(compiled))
        });
        Ok(Machine { patterns, compiled: kept.unwrap_or_default() })
    }

    /// Calls `held` with the number of each pattern that is found in that part of the text, whose
    /// surroundings are looked at for `^`, `$` and the like; at times twice. Returns whether the
    /// steps were enough to know; takes off those that were taken.
    pub(crate) fn decide(
        &self,
        text: &[u8],
        part: Range<usize>,
        steps: &mut u64,
        held: &mut dyn FnMut(usize),
    ) -> bool {
        let compile = || Compiled::of(&self.patterns).ok();
        let Some(compiled) = self.compiled.get_or_init(compile) else { return false };
        let input = Input::new(text).span(part);
        let most = compiled.states.saturating_mul(input.get_span().len() as u64);
        // The fast one may take three times what it is thought to.
        let is_cheap = most <= *steps / 4;
        if is_cheap && self.patterns.len() == 1 {
            *steps -= most;
            if compiled.regex.is_match(input) {
                held(0);
            }
            return true;
        }
        match compiled.counting.run(&input, self.patterns.len(), steps, held) {
            Outcome::Known => true,
            Outcome::OutOfSteps => false,
            Outcome::Unable if is_cheap => {
                *steps = steps.saturating_sub(most);
                let mut matched = Matched::new(self.patterns.len());
                compiled.regex.which_overlapping_matches(&input, &mut matched);
                matched.iter().for_each(|pattern| held(pattern.as_usize()));
                true
            }
            Outcome::Unable => false,
        }
    }
}

impl Compiled {
    fn of(patterns: &[Pattern]) -> Result<Self, Error> {
        let hirs = patterns.iter().map(Pattern::parse).collect::<Result<Vec<_>, _>>()?;
        let refused = |why: String| {
            let expressions: Vec<String> = patterns.iter().map(Pattern::expression).collect();
            refused(&expressions.join("` and `"), &why)
        };
        // Of a set all that match are asked for, and of one whether it does.
        let kind = if hirs.len() > 1 { MatchKind::All } else { MatchKind::LeftmostFirst };
        let limit = LARGEST.saturating_mul(hirs.len());
        let config =
            meta::Config::new().utf8_empty(false).match_kind(kind).nfa_size_limit(Some(limit));
        let regex = meta::Builder::new().configure(config).build_many_from_hir(&hirs);
        let regex = regex.map_err(|error| match error.size_limit() {
            Some(limit) => refused(format!("it takes more than {limit} bytes")),
            None => refused(error.to_string()),
        })?;
        let config =
            thompson::Config::new().utf8(false).which_captures(thompson::WhichCaptures::None);
        let nfa = thompson::Compiler::new().configure(config).build_many_from_hir(&hirs);
        let nfa = nfa.map_err(|error| refused(error.to_string()))?;
        let states = nfa.states().len() as u64;
        let counting = Counting::new(nfa).map_err(|error| refused(error.to_string()))?;
        Ok(Compiled { regex, states, counting })
    }
}

enum Outcome {
    Known,
    OutOfSteps,
    /// Unicode's word boundaries beside characters outside ASCII are more than this automaton can
    /// tell.
    Unable,
}

impl Counting {
    fn new(nfa: NFA) -> Result<Self, Box<BuildError>> {
        let state_steps = LEAST_STATE_STEPS + nfa.states().len() as u64 / 4;
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .unicode_word_boundary(true)
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(Box::new)?;
        let maker = dfa.clone();
        let maker: Box<CacheMaker> = Box::new(move || maker.create_cache());
        Ok(Counting { dfa, caches: Pool::new(maker), state_steps })
    }

    fn run(
        &self,
        input: &Input<'_>,
        patterns: usize,
        steps: &mut u64,
        held: &mut dyn FnMut(usize),
    ) -> Outcome {
        let mut cache = self.caches.get();
        let mut run = Run {
            automaton: self,
            cache: &mut cache,
            left: *steps,
            missing: vec![true; patterns],
            held,
        };
        let outcome = run.over(input);
        *steps = run.left;
        outcome
    }
}

/// A run over one text.
struct Run<'a> {
    automaton: &'a Counting,
    cache: &'a mut Cache,
    /// Steps.
    left: u64,
    /// By pattern, whether it was not found yet.
    missing: Vec<bool>,
    held: &'a mut dyn FnMut(usize),
}

impl Run<'_> {
    fn over(&mut self, input: &Input<'_>) -> Outcome {
        let dfa = &self.automaton.dfa;
        let input = input.clone().anchored(Anchored::No);
        let (text, span) = (input.haystack(), input.get_span());
        let Ok(mut state) = dfa.start_state_forward(self.cache, &input) else {
            return Outcome::Unable;
        };
        let mut rest = text.get(span.range()).unwrap_or_default();
        loop {
            let skipped = self.skip(&mut state, rest);
            rest = &rest[skipped..];
            let Some((&byte, behind)) = rest.split_first() else { break };
            rest = behind;
            let is_plain = !state.is_tagged();
            let before = self.cache.memory_usage();
            let Ok(next) = dfa.next_state(self.cache, state, byte) else {
                return Outcome::Unable;
            };
            // What a plain state leads to, and is asked for here, was not there.
            let is_made = is_plain || self.cache.memory_usage() != before;
            let cost = if is_made { self.automaton.state_steps } else { 2 };
            state = next;
            if state.is_tagged() {
                if state.is_match() && self.found(state) || state.is_dead() {
                    return Outcome::Known;
                }
                if state.is_quit() {
                    return Outcome::Unable;
                }
            }
            match self.left.checked_sub(cost) {
                Some(left) => self.left = left,
                None => return Outcome::OutOfSteps,
            }
        }
        // A match is told one byte after its end.
        let last = match text.get(span.end) {
            Some(&byte) => dfa.next_state(self.cache, state, byte),
            None => dfa.next_eoi_state(self.cache, state),
        };
        match last {
            Ok(last) if last.is_quit() => Outcome::Unable,
            Ok(last) => {
                if last.is_match() {
                    self.found(last);
                }
                Outcome::Known
            }
            Err(_) => Outcome::Unable,
        }
    }

    /// Steps over the bytes that lead from one plain state that is there to the next, as far as the
    /// steps allow; returns how many they are.
    fn skip(&mut self, state: &mut LazyStateID, rest: &[u8]) -> usize {
        let dfa = &self.automaton.dfa;
        let mut at = *state;
        if at.is_tagged() {
            return 0;
        }
        let most = rest.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let mut skipped = 0;
        for &byte in &rest[..most] {
            let next = dfa.next_state_untagged(self.cache, at, byte);
            if next.is_tagged() {
                break;
            }
            at = next;
            skipped += 1;
        }
        *state = at;
        self.left -= skipped as u64;
        skipped
    }

    /// Tells the patterns that this state is a match of; returns whether none is missing now.
    fn found(&mut self, state: LazyStateID) -> bool {
        let dfa = &self.automaton.dfa;
        for at in 0..dfa.match_len(self.cache, state) {
            let pattern = dfa.match_pattern(self.cache, state, at).as_usize();
            if let Some(missing) = self.missing.get_mut(pattern)
                && std::mem::take(missing)
            {
                (self.held)(pattern);
            }
        }
        !self.missing.contains(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: u64 = 1 << 40;

    /// Which expressions hold, by the automaton that counts, and whether that is known.
    fn counted(
        expressions: &[&str],
        text: &[u8],
        part: Range<usize>,
        steps: u64,
    ) -> (Vec<usize>, bool) {
        let patterns: Vec<Pattern> = expressions.iter().map(|one| Pattern::regex(one)).collect();
        let counting = Compiled::of(&patterns).expect("the expressions are valid").counting;
        let mut held = Vec::new();
        let mut left = steps;
        let input = Input::new(text).span(part);
        let outcome = counting.run(&input, patterns.len(), &mut left, &mut |at| held.push(at));
        assert!(left <= steps);
        held.sort_unstable();
        (held, matches!(outcome, Outcome::Known))
    }

    fn decided(expressions: &[&str], text: &[u8], steps: u64) -> (Vec<usize>, bool) {
        let patterns = expressions.iter().map(|one| Pattern::regex(one)).collect();
        let machine = Machine::new(patterns, &mut 0).expect("the expressions are valid");
        let mut held = Vec::new();
        let mut left = steps;
        let known = machine.decide(text, 0..text.len(), &mut left, &mut |at| held.push(at));
        held.sort_unstable();
        held.dedup();
        (held, known)
    }

    #[test]
    fn both_ways_find_the_same() {
        let check = |expressions: &[&str], text: &str, expect: &[usize]| {
            let bytes = text.as_bytes();
            let all = counted(expressions, bytes, 0..bytes.len(), MANY);
            assert_eq!(all, (expect.to_vec(), true), "{expressions:?} in {text}");
            assert_eq!(decided(expressions, bytes, MANY), all, "{expressions:?} in {text}");
        };
        check(&["b+c"], "aabbcc", &[0]);
        check(&["b+d"], "aabbcc", &[]);
        check(&["^a", "c$", "^b", "^$", "", "bc"], "aabbcc", &[0, 1, 4, 5]);
        check(&["^$"], "", &[0]);
        check(&[r"\bbb\b", r"\bbb"], "a bb", &[0, 1]);
        check(&["foo", "foobar", "o.*r"], "foobar", &[0, 1, 2]);
        check(&[r"\d{3}", r"\w{9}"], "in 2026", &[0]);
    }

    #[test]
    fn a_part_has_surroundings() {
        let check = |expression: &str, part: Range<usize>, expect: bool| {
            let found = counted(&[expression], b"a word, a word", part.clone(), MANY);
            assert_eq!(found, ((0..usize::from(expect)).collect(), true), "{expression} {part:?}");
        };
        check("^word", 2..6, false);
        check("word$", 2..6, false);
        check("word$", 10..14, true);
        check(r"\bword\b", 2..6, true);
        check(r"\bord", 3..6, false);
        check("word", 2..5, false);
    }

    #[test]
    fn what_takes_too_many_steps_is_not_known() {
        let text = "a".repeat(30_000);
        let evil = r"(?:\w{1,40}aaa){3}\d";
        for steps in [0, 10, 100_000] {
            assert_eq!(counted(&[evil], text.as_bytes(), 0..text.len(), steps), (vec![], false));
            assert_eq!(decided(&[evil], text.as_bytes(), steps), (vec![], false), "{steps}");
        }
        assert_eq!(decided(&["aa$", "^x"], text.as_bytes(), 1 << 20), (vec![0], true));
    }

    #[test]
    fn word_boundaries_outside_ascii_are_told_by_the_fast_one() {
        let text = "größe ü";
        assert_eq!(decided(&[r"\bgr\b"], text.as_bytes(), MANY), (vec![], true));
        assert_eq!(
            decided(&[r"\bgr\b", r"\bü$", r"e\b"], text.as_bytes(), MANY),
            (vec![1, 2], true)
        );
        assert!(!decided(&[r"\bgr\b", r"\bü$"], text.as_bytes(), 10).1);
    }
}
