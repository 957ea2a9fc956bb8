//! The effective configuration.

use std::path::{Path, PathBuf};

use prisma_log_core::{Error, Filter, Level};

use crate::choose::choose_file;
use crate::environment::Environment;
use crate::filter::Levels;
use crate::merge::merge;
use crate::origin::Entry;
use crate::otel;
use crate::overrides::overlay;
use crate::pipeline::PipelineConfig;
use crate::profiles::Document;
use crate::reload::ReloadConfig;
use crate::section::{Report, Section};
use crate::sinks::{self, SinkConfig};
use crate::source::read_text;
use crate::tracing::TracingConfig;
use crate::tree::{Kind, Node};
use crate::yaml::{self, Origins};

/// The configuration that is used when there is no file.
const BUILT_IN: &str = include_str!("../logging.yaml");

/// The effective settings of one profile, and where each of them came from.
///
/// Later ones win: defaults, what the profile extends, the profile, `RUST_LOG` (levels only) and
/// `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`, `OTEL_PROPAGATORS`, then `PRISMA_LOG__…` variables.
#[derive(Debug)]
pub struct Config {
    file: Option<PathBuf>,
    profile: String,
    service: Service,
    filter: Filter,
    sinks: Vec<SinkConfig>,
    pipeline: PipelineConfig,
    reload: ReloadConfig,
    tracing: TracingConfig,
    environment: Environment,
    entries: Vec<Entry>,
    warnings: Vec<Error>,
}

/// What the program says about itself.
///
/// Every line that a sink writes for machines carries it: `json`, `ecs` and `logfmt`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// The program's name, for `service.name`.
    pub name: Option<String>,
    /// The program's version, for `service.version`.
    pub version: Option<String>,
    /// Where it runs, for `deployment.environment.name` (in ECS `service.environment`).
    pub environment: Option<String>,
}

impl Config {
    /// Reads the process's environment and the file it names in `PRISMA_LOG_CONFIG`, else
    /// `config/logging.yaml` or `logging.yaml` in the working directory, else uses the
    /// configuration that is built in.
    ///
    /// # Errors
    /// When the file can't be read or anything in it, or in a variable, is wrong.
    pub fn from_env() -> Result<Config, Error> {
        Config::find(&Environment::from_process())
    }

    /// [`Config::from_env`] for an environment that was changed, such as by
    /// [`Environment::profile`].
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn find(environment: &Environment) -> Result<Config, Error> {
        match choose_file(environment, Path::new("")) {
            Some(file) => Config::load(&file, environment).map_err(|error| {
                let asked_for = error.is_io() && environment.chosen_file().is_some();
                if asked_for { error.with_hint("PRISMA_LOG_CONFIG names this file") } else { error }
            }),
            None => Config::builtin(environment),
        }
    }

    /// Reads this file.
    ///
    /// Only the profile that is chosen must be right; [`check`] looks at all of them.
    ///
    /// # Errors
    /// When the file can't be read or anything in it, or in a variable, is wrong: the first
    /// mistake, whose hint says how many more there are.
    pub fn load(path: &Path, environment: &Environment) -> Result<Config, Error> {
        let text = read_text(path)?;
        Config::from_text(&text, Some(path), environment)
            .map_err(|errors| first_of(errors, Some(path)))
    }

    /// Uses the configuration that is built in: the profiles `development`, `staging` and
    /// `production` of the project's own `config/logging.yaml`.
    ///
    /// # Errors
    /// When there is no such profile, or a variable is wrong.
    pub fn builtin(environment: &Environment) -> Result<Config, Error> {
        Config::from_text(BUILT_IN, None, environment).map_err(|errors| first_of(errors, None))
    }

    fn from_text(
        text: &str,
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Config, Vec<Error>> {
        let origins = file.map_or(Origins::BuiltIn, Origins::File);
        let mut errors = Vec::new();
        let report = Report::default();
        let config = yaml::parse(text, origins, &mut errors)
            .and_then(|root| Config::from_tree(&root, environment, &report, &mut errors));
        let (entries, found) = report.take();
        errors.extend(found);
        match config {
            Ok(Some(mut config)) if errors.is_empty() => {
                config.entries.extend(entries);
                config.file = file.map(Path::to_owned);
                return Ok(config);
            }
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
        Err(sorted(errors))
    }

    /// The chosen profile; `None` when there are no profiles, which `report` says.
    fn from_tree(
        root: &Node,
        environment: &Environment,
        report: &Report,
        errors: &mut Vec<Error>,
    ) -> Result<Option<Config>, Error> {
        // Its entries name no setting of the profile's.
        let outer = Report::default();
        let document = Document::open(root, &outer);
        errors.extend(outer.take().1);
        if document.is_empty() {
            return Ok(None);
        }
        let (name, origin) = document.choose(environment)?;
        let mut profile = document.effective(&name, &origin)?;
        let mut warnings = Vec::new();
        if let Some(over) = otel::overlay(environment, &mut warnings) {
            profile = merge(profile, over);
        }
        let overlay = overlay(environment, &profile, errors);
        if !overlay.items.is_empty() {
            let over = Node { kind: Kind::Map(overlay), origin: profile.origin.clone() };
            profile = merge(profile, over);
        }
        report.entry(Entry::new("profile", name.clone(), origin));
        let mut config = Config::read(&profile, &name, environment, report, true);
        config.warnings.extend(warnings);
        Ok(Some(config))
    }

    fn read(
        profile: &Node,
        name: &str,
        environment: &Environment,
        report: &Report,
        must_have_sinks: bool,
    ) -> Config {
        let mut section = Section::new(report, "", Some(profile));
        // The file's own has been followed and taken out.
        if let Some(extends) = section.node("extends") {
            let error = extends.error("`extends` can't be overridden");
            report.error(error.with_hint("choose another profile by PRISMA_ENV"));
        }
        let mut service = section.section("service");
        let service_read = Service {
            name: service.optional("name"),
            version: service.optional("version"),
            environment: service.optional("environment"),
        };
        service.finish();
        let mut levels = Levels::read(&mut section, Level::Info);
        let warnings = levels.with_environment(environment);
        for entry in levels.entries(str::to_owned) {
            report.entry(entry);
        }
        let sinks = sinks::read(report, section.map_under("sinks"));
        // A sink that could not be read is a mistake of its own.
        let none = match profile.map().and_then(|map| map.get("sinks")) {
            Some(sinks) => {
                sinks.map().is_some_and(|map| map.items.iter().all(|i| i.node.is_null()))
            }
            None => true,
        };
        if none && must_have_sinks {
            let error = section.error(format!("the profile `{name}` has no sinks"));
            report.error(error.with_hint("add `sinks:`; to log nothing, set `level: off`"));
        }
        let pipeline = PipelineConfig::read(section.section("pipeline"));
        let reload = ReloadConfig::read(section.section("reload"));
        let tracing = TracingConfig::read(section.section("tracing"));
        section.finish();
        Config {
            file: None,
            profile: name.to_owned(),
            service: service_read,
            filter: levels.filter(),
            sinks,
            pipeline,
            reload,
            tracing,
            environment: environment.clone(),
            entries: Vec::new(),
            warnings,
        }
    }

    /// The file that was read; `None` for the configuration that is built in.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The variables that it was read under, to read the file again under the same.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The name of the profile that was chosen.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// What the program says about itself.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Which records are logged at all; each sink may have a narrower filter of its own.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The sinks, in the order in which they were first written.
    pub fn sinks(&self) -> &[SinkConfig] {
        &self.sinks
    }

    /// How records get from the log calls to the sinks.
    pub fn pipeline(&self) -> &PipelineConfig {
        &self.pipeline
    }

    /// When the file is read again while the program runs.
    pub fn reload(&self) -> &ReloadConfig {
        &self.reload
    }

    /// Which traces are recorded, and what travels in the headers of requests.
    pub fn tracing(&self) -> &TracingConfig {
        &self.tracing
    }

    /// Every setting, the defaults too, and where its value came from.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is wrong but not worth refusing to start: what can't be understood of `RUST_LOG` and of
    /// OpenTelemetry's variables.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }
}

/// Every mistake of a file: of all its profiles, and of the variables that `environment` lays
/// over the one it chooses. Empty when there is none.
pub fn check(path: &Path, environment: &Environment) -> Vec<Error> {
    match read_text(path) {
        Ok(text) => check_text(&text, path, environment),
        Err(error) => vec![error],
    }
}

fn check_text(text: &str, path: &Path, environment: &Environment) -> Vec<Error> {
    let mut errors = Vec::new();
    let root = match yaml::parse(text, Origins::File(path), &mut errors) {
        Ok(root) => root,
        Err(error) => {
            errors.push(error);
            return sorted(errors);
        }
    };
    let report = Report::default();
    let document = Document::open(&root, &report);
    document.check_default(&report);
    let nothing = Environment::default();
    for (name, origin) in document.names_and_origins() {
        match document.effective(name, &origin) {
            Ok(profile) => {
                Config::read(&profile, name, &nothing, &report, !document.is_extended(name));
            }
            Err(error) => report.error(error),
        }
    }
    errors.extend(report.take().1);
    // Mistakes of the file itself have been found above; these are the environment's. A file need
    // not choose a profile.
    if errors.is_empty()
        && document.is_chosen(environment)
        && let Err(found) = Config::from_text(text, Some(path), environment)
    {
        errors = found;
    }
    sorted(errors)
}

/// In the order of their places, each once: a profile repeats the mistakes that it inherits.
pub(crate) fn sorted(mut errors: Vec<Error>) -> Vec<Error> {
    errors.sort_by(|a, b| a.place().cmp(&b.place()));
    errors.dedup_by(|a, b| a.place() == b.place() && a.to_string() == b.to_string());
    errors
}

/// The first mistake, whose hint says how many more there are.
pub(crate) fn first_of(errors: Vec<Error>, file: Option<&Path>) -> Error {
    let mut errors = sorted(errors).into_iter();
    let Some(first) = errors.next() else { return Error::config("the configuration is wrong") };
    let more = errors.count();
    if more == 0 {
        return first;
    }
    let s = if more == 1 { "" } else { "s" };
    let file = file.map(|file| format!(": `plog config check {}`", file.display()));
    let more = format!("{more} more mistake{s}{}", file.unwrap_or_default());
    let hint = first.hint().map_or_else(|| more.clone(), |hint| format!("{hint}; {more}"));
    first.with_hint(hint)
}
