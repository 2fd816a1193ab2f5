//! Tools from the npm registry that look at pages. `cargo xtask setup` unpacks them under `target`.

use std::path::{Path, PathBuf};

/// A package of the registry, of which one file is used.
#[derive(Debug)]
pub struct Package {
    /// Its name there.
    pub name: &'static str,
    /// The one version that is used: a newer checker finds other things.
    pub version: &'static str,
    /// The folder under `target` it is unpacked in.
    folder: &'static str,
    /// The file, within the package.
    file: &'static str,
    /// The environment variable that names another file instead.
    variable: &'static str,
}

/// Looks at pages in a browser: what keeps people out?
pub const AXE: Package = Package {
    name: "axe-core",
    version: "4.14.1",
    folder: "axe",
    file: "axe.min.js",
    variable: "STEELYARD_AXE",
};

/// The Nu Html Checker: is this HTML? It runs on Java.
pub const VNU: Package = Package {
    name: "vnu-jar",
    version: "26.9.27",
    folder: "vnu",
    file: "build/dist/vnu.jar",
    variable: "STEELYARD_VNU",
};

impl Package {
    /// The file, where it is installed in the version that is used.
    pub fn file(&self) -> Option<PathBuf> {
        if let Some(said) = std::env::var_os(self.variable) {
            return Some(PathBuf::from(said)).filter(|path| path.is_file());
        }
        let package = self.folder().join("package");
        let manifest = std::fs::read_to_string(package.join("package.json")).ok()?;
        let manifest: serde_json::Value = serde_json::from_str(&manifest).ok()?;
        (manifest["version"] == self.version).then(|| package.join(self.file)).filter(|path| path.is_file())
    }

    /// The folder it is unpacked in; in it the registry's archives have a folder `package`.
    pub fn folder(&self) -> PathBuf {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")).join(self.folder)
    }
}
