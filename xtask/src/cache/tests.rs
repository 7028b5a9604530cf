// SPDX-License-Identifier: GPL-2.0

use std::cell::Cell;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::*;

fn quiet(_: &str) {}

fn cache(dir: &tempfile::TempDir) -> Cache {
    Cache::at(dir.path()).unwrap()
}

fn fill(dir: &Path) -> Result<()> {
    Ok(fs::write(dir.join("product"), "complete")?)
}

/// Runs the test called `name` of this program in a process of its own, on the same cache.
fn as_another_process(name: &str, dir: &tempfile::TempDir) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("cache::tests::{name}")])
        .env("XTASK_TEST_CACHE", dir.path())
        .spawn()
        .unwrap()
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{what} did not come"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_entry_is_made_once_and_found_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let made = cache(&dir).entry("kind", &"recipe", &quiet, fill).unwrap();
    assert_eq!((made.made, made.origin()), (true, "made"));
    let found = cache(&dir)
        .entry("kind", &"recipe", &quiet, |_| panic!("made twice"))
        .unwrap();
    assert_eq!((found.made, found.origin()), (false, "cached"));
    assert_eq!(
        fs::read_to_string(found.path().join("product")).unwrap(),
        "complete"
    );
    assert_eq!(
        fs::read_to_string(found.path().join("recipe.json")).unwrap(),
        "\"recipe\""
    );
}

#[test]
fn another_recipe_is_another_entry() {
    let dir = tempfile::tempdir().unwrap();
    let one = cache(&dir)
        .entry("kind", &("kernel", 1), &quiet, fill)
        .unwrap();
    let two = cache(&dir)
        .entry("kind", &("kernel", 2), &quiet, fill)
        .unwrap();
    assert_ne!(one.path(), two.path());
    assert_eq!(cache(&dir).entries("kind").unwrap().len(), 2);
    assert_eq!(Cache::recipe(one.path()), Some(("kernel".to_owned(), 1)));
}

#[test]
fn a_failed_build_leaves_nothing_and_the_next_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let failed = cache(&dir).entry("kind", &1, &quiet, |partial| {
        fill(partial)?;
        bail!("disk full")
    });
    assert_eq!(failed.unwrap_err().to_string(), "disk full");
    let left = read_dir_if_any(&dir.path().join("kind")).unwrap();
    assert!(
        left.iter().all(|path| path.extension().unwrap() == "lock"),
        "{left:?}"
    );
    assert!(cache(&dir).entry("kind", &1, &quiet, fill).unwrap().made);
}

/// In the process that [`as_another_process`] starts: never ends making an entry.
fn is_victim() -> bool {
    let Some(dir) = env::var_os("XTASK_TEST_CACHE") else {
        return false;
    };
    let _ = Cache::at(Path::new(&dir))
        .unwrap()
        .entry("kind", &1, &quiet, |partial| {
            fs::write(partial.join("half"), "done")?;
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        });
    true
}

#[test]
fn an_interrupted_build_is_begun_anew() {
    if is_victim() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let half = cache(&dir)
        .entry_path("kind", &1)
        .unwrap()
        .with_extension("partial")
        .join("half");
    let mut victim = as_another_process("an_interrupted_build_is_begun_anew", &dir);
    wait_for("the half-made entry", || half.exists());
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(half.exists(), "a killed process cannot clean up");

    let entry = cache(&dir).entry("kind", &1, &quiet, fill).unwrap();
    assert!(entry.path().join("product").exists());
    assert!(!entry.path().join("half").exists() && !half.exists());
}

#[test]
fn two_processes_do_not_build_the_same_entry() {
    if is_victim() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let half = cache(&dir)
        .entry_path("kind", &1)
        .unwrap()
        .with_extension("partial")
        .join("half");
    let mut victim = as_another_process("two_processes_do_not_build_the_same_entry", &dir);
    wait_for("the half-made entry", || half.exists());
    let id = victim.id();
    let told = Cell::new(None);
    std::thread::scope(|scope| {
        // The other one dies while we wait for it.
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            victim.kill().unwrap();
            victim.wait().unwrap();
        });
        let start = Instant::now();
        let tell = |message: &str| told.set(Some(message.to_owned()));
        cache(&dir).entry("kind", &1, &tell, fill).unwrap();
        assert!(
            start.elapsed() >= Duration::from_millis(200),
            "did not wait"
        );
    });
    let told = told.take().unwrap();
    assert!(
        told.starts_with(&format!("waiting for process {id}, which has ")),
        "{told}"
    );
}

#[test]
fn what_is_in_use_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let used = cache(&dir).entry("kind", &1, &quiet, fill).unwrap();
    let idle = cache(&dir)
        .entry("kind", &2, &quiet, fill)
        .unwrap()
        .path()
        .to_owned();
    assert_eq!(cache(&dir).prune("kind", |_| false).unwrap(), [idle]);
    assert!(used.path().exists());
    let error = cache(&dir).remove().unwrap_err().to_string();
    assert!(error.contains("in use"), "{error}");
    drop(used);
    cache(&dir).remove().unwrap();
    assert!(!dir.path().exists());
}
