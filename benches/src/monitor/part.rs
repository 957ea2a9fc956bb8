//! What a part of the bench found.

/// A part's table, its figures, and what must hold of them.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// As it is printed.
    pub(super) table: String,
    /// The same for the report.
    pub(super) figures: serde_json::Value,
    pub(super) targets: Vec<Target>,
}

/// A bound on a figure.
pub(super) struct Target {
    what: String,
    value: f64,
    limit: f64,
    is_least: bool,
}

impl Target {
    pub(super) fn at_most(what: impl Into<String>, value: f64, limit: f64) -> Self {
        Target { what: what.into(), value, limit, is_least: false }
    }

    pub(super) fn at_least(what: impl Into<String>, value: f64, limit: f64) -> Self {
        Target { what: what.into(), value, limit, is_least: true }
    }

    fn holds(&self) -> bool {
        if self.is_least { self.value >= self.limit } else { self.value <= self.limit }
    }
}

impl Part {
    /// A line for each target.
    pub(super) fn verdicts(&self) -> String {
        let line = |target: &Target| {
            let sign = if target.is_least { ">=" } else { "<=" };
            let verdict = if target.holds() { "met" } else { "NOT MET" };
            let Target { what, value, limit, .. } = target;
            format!("{what:<74} {value:>8.2} {sign} {limit:<8.2} {verdict}\n")
        };
        self.targets.iter().map(line).collect()
    }

    /// The targets that don't hold.
    pub(super) fn missed(&self) -> impl Iterator<Item = &str> {
        let missed = self.targets.iter().filter(|target| !target.holds());
        missed.map(|target| target.what.as_str())
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        let target = |target: &Target| {
            serde_json::json!({ "what": target.what, "value": target.value,
                                "limit": target.limit, "holds": target.holds() })
        };
        let targets: Vec<_> = self.targets.iter().map(target).collect();
        serde_json::json!({ "name": self.name, "figures": self.figures, "targets": targets })
    }
}
