//! The workspace as cargo sees it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::{self, Failure, Outcome};

/// The workspace.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// The members, by name.
    pub(crate) members: Vec<Member>,
}

/// A package of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Folder below the root, with `/` between its parts.
    pub(crate) folder: String,
    pub(crate) description: String,
    /// The text of its `Cargo.toml`.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: Vec<Feature>,
    /// Root files of the library and the programs, below the workspace root.
    pub(crate) roots: Vec<String>,
}

/// A feature and what it turns on.
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub(crate) name: String,
    pub(crate) enables: Vec<String>,
}

/// A dependency of a member; optional and platform-dependent ones are like all others here.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// Whether only tests, examples and benches see it.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo. Works without network and lock file.
    pub(crate) fn load() -> Outcome<Self> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let mut command = shell::cargo(Path::new(&here));
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        Workspace::read(&shell::output(&mut command)?)
    }

    fn read(metadata: &str) -> Outcome<Self> {
        let bad = |what: &str| Failure::new(format!("cannot read cargo's metadata: {what}"));
        let json: Value = serde_json::from_str(metadata).map_err(|e| bad(&e.to_string()))?;
        let path = |key: &str| json[key].as_str().map(PathBuf::from).ok_or_else(|| bad(key));
        let root = path("workspace_root")?;
        let packages = json["packages"].as_array().ok_or_else(|| bad("packages"))?;
        let mut members =
            packages.iter().map(|package| member(package, &root)).collect::<Outcome<Vec<_>>>()?;
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Workspace { target: path("target_directory")?, root, members })
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Outcome<&Member> {
        let found = self.members.iter().find(|member| member.name == name);
        found.ok_or_else(|| Failure::new(format!("the workspace has no crate `{name}`")))
    }

    /// A text file below the root.
    pub(crate) fn read_text(&self, file: &str) -> Outcome<String> {
        read_text(&self.root.join(file))
    }

    /// An empty folder below the target folder, for a chore's own use.
    pub(crate) fn scratch(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.target.join("xtask").join(name);
        let cannot = |what: &str, error| {
            Failure::new(format!("cannot {what} {}: {error}", folder.display()))
        };
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| cannot("remove", error))?;
        }
        fs::create_dir_all(&folder).map_err(|error| cannot("create", error))?;
        Ok(folder)
    }
}

impl Member {
    /// Path of the manifest below the root.
    pub(crate) fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// A text file.
pub(crate) fn read_text(path: &Path) -> Outcome<String> {
    fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

fn member(package: &Value, root: &Path) -> Outcome<Member> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let below_root = |value: &Value| {
        let path = PathBuf::from(text(value));
        let parts = path.strip_prefix(root).unwrap_or(&path).iter();
        parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    let manifest_path = below_root(&package["manifest_path"]);
    let is_root = |target: &Value| {
        list(&target["kind"]).iter().any(|kind| matches!(kind.as_str(), Some("lib" | "bin")))
    };
    let dependency = |value: &Value| Dependency {
        name: text(&value["name"]),
        dev: value["kind"].as_str() == Some("dev"),
    };
    let features = package["features"].as_object().cloned().unwrap_or_default();
    Ok(Member {
        name: text(&package["name"]),
        folder: manifest_path.trim_end_matches("/Cargo.toml").to_owned(),
        description: text(&package["description"]),
        manifest: read_text(&root.join(&manifest_path))?,
        dependencies: list(&package["dependencies"]).iter().map(dependency).collect(),
        features: features
            .iter()
            .map(|(name, enables)| Feature {
                name: name.clone(),
                enables: list(enables).iter().map(text).collect(),
            })
            .collect(),
        roots: list(&package["targets"])
            .iter()
            .filter(|target| is_root(target))
            .map(|target| below_root(&target["src_path"]))
            .collect(),
    })
}
