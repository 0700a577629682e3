//! The lists of the crates in a package are complete.

use std::fs;
use std::process::Command;

#[test]
fn the_licences_and_the_sbom_have_every_crate_of_the_workers_and_uplot() {
    let tree = |package: &str| {
        let output = Command::new("cargo")
            .args([
                "tree",
                "--offline",
                "--locked",
                "--all-features",
                "--edges=normal",
                "--prefix=none",
                "--format={p}",
            ])
            .args(["--target=wasm32-unknown-unknown", "--package", package])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let trees = ["edge-signup-worker", "edge-signup-admin", "edge-signup-tools"].map(tree).concat();
    let lock: serde_json::Value =
        serde_json::from_str(&fs::read_to_string("package-lock.json").unwrap()).unwrap();
    let uplot = format!("uplot v{}\n", lock["packages"]["node_modules/uplot"]["version"].as_str().unwrap());
    let trees = trees + &uplot;
    let sbom: serde_json::Value =
        serde_json::from_str(&fs::read_to_string("packages/create/sbom.cdx.json").unwrap()).unwrap();
    let listed: Vec<_> = sbom["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|crate_| (crate_["name"].as_str().unwrap(), crate_["version"].as_str().unwrap()))
        .collect();
    let licences = fs::read_to_string("packages/create/THIRD-PARTY.md").unwrap();
    let mut count = 0;
    // A line such as `serde v1.0.229 (proc-macro)`. The crates of this project have their path in brackets.
    for line in trees.lines().filter(|line| !line.contains('/') && !line.contains("(proc-macro)")) {
        let (name, version) = line.split_once(" v").unwrap();
        let version = version.split(' ').next().unwrap();
        assert!(listed.contains(&(name, version)), "the SBOM lacks {name} {version}: run make third-party");
        assert!(
            licences.contains(&format!("- {name} {version}")),
            "THIRD-PARTY.md lacks {name} {version}: run make third-party"
        );
        count += 1;
    }
    assert!(count > 50, "{trees}");
}
