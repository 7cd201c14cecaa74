//! What the tests need from outside: looked for, and installed where that is possible.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::cargo;

/// Something that tests call or load, and the Debian package that brings it.
struct Need {
    what: &'static str,
    package: &'static str,
    probe: Probe,
}

enum Probe {
    /// A program on the search path.
    Program(&'static str),
    /// A file below one of the folders, at most two levels down, whose name begins like this.
    File(&'static [&'static str], &'static str),
}

/// Where libraries lie.
const LIBRARIES: &[&str] = &["/usr/lib", "/usr/lib64", "/usr/local/lib"];

#[rustfmt::skip]
const NEEDS: &[Need] = &[
    Need { what: "Vulkan loader", package: "libvulkan1", probe: Probe::File(LIBRARIES, "libvulkan.so.1") },
    Need { what: "software Vulkan driver", package: "mesa-vulkan-drivers", probe: Probe::File(&["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"], "lvp_icd") },
    Need { what: "screen that nobody sees", package: "xvfb", probe: Probe::File(&["/usr/bin", "/usr/local/bin"], "Xvfb") },
    Need { what: "pointers in X11 windows", package: "libxcursor1", probe: Probe::File(LIBRARIES, "libXcursor.so.1") },
    Need { what: "input in X11 windows", package: "libxi6", probe: Probe::File(LIBRARIES, "libXi.so.6") },
    Need { what: "Xlib beside XCB", package: "libx11-xcb1", probe: Probe::File(LIBRARIES, "libX11-xcb.so.1") },
    Need { what: "keyboards in X11 windows", package: "libxkbcommon-x11-0", probe: Probe::File(LIBRARIES, "libxkbcommon-x11.so.0") },
    Need { what: "DCMTK (dcmdump, dcmj2pnm)", package: "dcmtk", probe: Probe::Program("dcmdump") },
    Need { what: "GDCM (gdcmconv)", package: "libgdcm-tools", probe: Probe::Program("gdcmconv") },
    Need { what: "dicom3tools (dciodvfy)", package: "dicom3tools", probe: Probe::Program("dciodvfy") },
    Need { what: "dcm2niix", package: "dcm2niix", probe: Probe::Program("dcm2niix") },
    Need { what: "nibabel for Python", package: "python3-nibabel", probe: Probe::File(&["/usr/lib/python3/dist-packages"], "nibabel") },
];

/// Installs what is missing on Debian and Ubuntu as root; elsewhere, and where that fails, says what is missing.
pub(crate) fn provide(install: bool) -> Result<()> {
    let packages: Vec<_> = missing().map(|need| need.package).collect();
    if packages.is_empty() {
        println!("nothing is missing");
        return Ok(());
    }
    if install && can_install() {
        // Without the network tests that need a tool still say so one by one.
        if let Err(error) = apt_install(&packages) {
            println!("{error:#}");
        }
    }
    for need in missing() {
        println!("missing: {} (Debian package {})", need.what, need.package);
    }
    if missing().next().is_some() {
        println!("the tests that need these say SKIP, or fail where an ANATOME_REQUIRE_... variable is 1");
        println!("on Debian and Ubuntu: sudo apt-get install --no-install-recommends {}", packages.join(" "));
    }
    Ok(())
}

fn missing() -> impl Iterator<Item = &'static Need> {
    // Windows and macOS bring their own graphics drivers.
    let wanted = |need: &&Need| cfg!(target_os = "linux") || matches!(need.probe, Probe::Program(_));
    NEEDS.iter().filter(wanted).filter(|need| !need.probe.finds())
}

fn can_install() -> bool {
    let root = Command::new("id").arg("-u").output();
    on_path("apt-get") && root.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let mut update = Command::new("apt-get");
    update.args(["update", "-q"]);
    cargo::run(update)?;

    let mut install = Command::new("apt-get");
    install
        .args(["install", "-q", "-y", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(std::process::Stdio::null());
    cargo::run(install)
}

impl Probe {
    fn finds(&self) -> bool {
        match self {
            Self::Program(name) => on_path(name),
            Self::File(folders, prefix) => folders.iter().any(|folder| holds(Path::new(folder), prefix, 1)),
        }
    }
}

/// Whether a program of this name is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(&name).is_file())
}

fn holds(folder: &Path, prefix: &str, levels: u32) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let found = entry.file_name().to_string_lossy().starts_with(prefix);
        found || levels > 0 && entry.path().is_dir() && holds(&entry.path(), prefix, levels - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_only_where_they_are() {
        assert!(on_path("cargo"));
        assert!(!on_path("no-such-program-anywhere"));
    }

    #[test]
    fn files_are_found_by_the_start_of_their_name_and_only_so_deep() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(holds(folder, "nextest", 0));
        assert!(holds(folder, "packages.r", 1));
        assert!(!holds(folder, "packages.r", 0));
        assert!(!holds(&folder.join("nowhere"), "packages", 1));
    }
}
