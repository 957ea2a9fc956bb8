//! The command line of a comparison.

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) markdown: bool,
    only: Vec<String>,
}

impl Options {
    pub(crate) fn parse(args: &[String], contenders: &[&str]) -> Result<Self, String> {
        let mut options = Options::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--markdown" => options.markdown = true,
                "--only" => {
                    let name = args.next().map(String::as_str).unwrap_or_default();
                    if !contenders.contains(&name) {
                        let there_are = contenders.join("`, `");
                        return Err(format!("--only `{name}`: there are `{there_are}`"));
                    }
                    options.only.push(name.to_owned());
                }
                other => {
                    return Err(format!(
                        "unknown argument `{other}`: expected --quick, --markdown or --only NAME"
                    ));
                }
            }
        }
        Ok(options)
    }

    /// Whether this contender is wanted.
    pub(crate) fn takes(&self, contender: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == contender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &str, expect: Result<Options, &str>) {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        match (Options::parse(&args, &["a", "b"]), expect) {
            (Ok(options), Ok(expect)) => assert_eq!(options, expect),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            (found, expect) => panic!("{args:?}: {found:?} instead of {expect:?}"),
        }
    }

    #[test]
    fn options_are_what_was_asked_for() {
        check("", Ok(Options::default()));
        check("--quick --markdown", Ok(Options { quick: true, markdown: true, only: vec![] }));
        let only = vec!["b".to_owned()];
        check("--only b", Ok(Options { only, ..Options::default() }));
        check("--only c", Err("--only `c`: there are `a`, `b`"));
        check("--only", Err("there are"));
        check("--fast", Err("unknown argument `--fast`"));
    }
}
