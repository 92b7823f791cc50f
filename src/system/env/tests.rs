use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// R165: a tool is the first file of `PATH` that can be run, as in a shell, and is never taken from a
/// directory relative to the working directory.
#[test]
fn a_program_is_found_in_an_absolute_directory() {
    let home = tempfile::tempdir().unwrap();
    for (directory, mode) in [("text", 0o644), ("program", 0o755), ("later", 0o755)] {
        let path = home.path().join(directory).join("tool");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir_all(home.path().join("folder/tool")).unwrap();
    let found = |directories: &[&str]| {
        let path = std::env::join_paths(directories).unwrap();
        let variables = [("PATH", path.to_str().unwrap())];
        Env::fake(home.path(), &variables, Platform::Unix).find_program("tool")
    };
    let [text, folder, program, later] =
        ["text", "folder", "program", "later"].map(|name| home.path().join(name));
    let absolute = [&text, &folder, &program, &later].map(|path| path.to_str().unwrap());
    assert_eq!(found(&absolute), Some(program.join("tool")));
    let relative = "../".repeat(40) + absolute[2];
    assert_eq!(found(&[&relative, absolute[0], absolute[1]]), None);
}
