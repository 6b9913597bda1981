//! Tests that archives from GNU tar and bsdtar are rejected if they contain files that packs do not allow, or were made
//! with unsupported options. The messages must contain the expected phrases, such as the name that the author gave a
//! sparse file, and the suggested fix must work.

use std::{fs, path::Path, process::Command};

use test_support::{manifest::MANIFEST, tool, validation::validate};

use crate::support::problems;

const SPARSE: &str = "truncate -s 4M sample/data/a && printf x >>sample/data/a";
const SYMBOLIC_LINK: &str = "ln -s a sample/data/b";
const HARD_LINK: &str = "ln sample/data/a sample/data/b";

struct Mistake {
    /// The command that prepares the directory `sample`.
    setup: &'static str,
    command: &'static str,
    /// Phrases that the messages must contain.
    words: &'static [&'static str],
    /// The command with the suggested fix.
    fixed: &'static str,
}

const MISTAKES: [Mistake; 14] = [
    Mistake {
        setup: SPARSE,
        command: "tar --sparse -czf out -C sample .",
        words: &["entry `./data/a` at byte", "is a sparse file; archive it without `tar --sparse`"],
        fixed: "tar -czf out -C sample .",
    },
    Mistake {
        setup: SPARSE,
        command: "tar --sparse --format=posix -czf out -C sample .",
        words: &["entry `./data/a` at byte", "archive it without `tar --sparse`"],
        fixed: "tar --format=posix -czf out -C sample .",
    },
    Mistake {
        setup: SPARSE,
        command: "tar --sparse --format=posix --sparse-version=0.0 -czf out -C sample .",
        words: &["entry `./data/a` at byte", "archive it without `tar --sparse`"],
        fixed: "tar --format=posix -czf out -C sample .",
    },
    Mistake {
        setup: SPARSE,
        command: "bsdtar -czf out -C sample .",
        words: &["entry `./data/a` at byte", "with `bsdtar --no-read-sparse`"],
        fixed: "bsdtar --no-read-sparse -czf out -C sample .",
    },
    Mistake {
        setup: "true",
        command: "tar --listed-incremental=snapshot -czf out -C sample .",
        words: &["of entry `./`", "without `--listed-incremental` and `--incremental`"],
        fixed: "tar -czf out -C sample .",
    },
    Mistake {
        setup: "true",
        command: "tar --incremental -czf out -C sample pack.yaml data",
        words: &["without `--listed-incremental` and `--incremental`"],
        fixed: "tar -czf out -C sample pack.yaml data",
    },
    Mistake {
        // The PAX record that lists the directory's content hides the long name from some readers.
        setup: "long=$(printf 'l%.0s' $(seq 120)) && mkdir sample/data/$long && touch sample/data/$long/a",
        command: "tar --listed-incremental=snapshot --format=posix -czf out -C sample .",
        words: &["and without `--listed-incremental`"],
        fixed: "tar --format=posix -czf out -C sample .",
    },
    Mistake {
        setup: SYMBOLIC_LINK,
        command: "tar -czf out -C sample .",
        words: &["entry `./data/b` at byte", "`tar --dereference --hard-dereference`"],
        fixed: "tar --dereference --hard-dereference -czf out -C sample .",
    },
    Mistake {
        setup: SYMBOLIC_LINK,
        command: "tar --dereference -czf out -C sample .",
        words: &["is a hard link", "`tar --dereference --hard-dereference`"],
        fixed: "tar --dereference --hard-dereference -czf out -C sample .",
    },
    Mistake {
        setup: SYMBOLIC_LINK,
        command: "bsdtar -czf out -C sample .",
        words: &["entry `./data/b` at byte", "`bsdtar -L`"],
        fixed: "bsdtar -L -czf out -C sample .",
    },
    Mistake {
        setup: HARD_LINK,
        command: "tar -czf out -C sample .",
        words: &["is a hard link", "`tar --dereference --hard-dereference`"],
        fixed: "tar --dereference --hard-dereference -czf out -C sample .",
    },
    Mistake {
        setup: HARD_LINK,
        command: "bsdtar -L -czf out -C sample .",
        words: &["is a hard link", "replace the link with a copy of the file (with bsdtar, do this and use `-L`)"],
        fixed: "cp sample/data/a copy && mv copy sample/data/b && bsdtar -L -czf out -C sample .",
    },
    Mistake {
        setup: "true",
        command: "tar --label=sample -czf out -C sample .",
        words: &["is a volume label; create the archive without `tar --label`"],
        fixed: "tar -czf out -C sample .",
    },
    Mistake {
        setup: "true",
        // Ignore the exit status: GNU tar may fail, because the archive grows while tar reads it.
        command: "cd sample && { tar -cz . >pack.tar.gz || true; } && cp pack.tar.gz ../out",
        words: &["`pack.tar.gz`", "written into the pack's directory", "(`tar -czf ../pack.tar.gz .`)"],
        fixed: "cd sample && rm pack.tar.gz && tar -czf ../pack.tar.gz . && cp ../pack.tar.gz ../out",
    },
];

#[test]
fn the_fix_for_each_tar_mistake_works() {
    for Mistake { setup, command, words, fixed } in MISTAKES {
        if tool("tar").is_none() || (command.contains("bsdtar") && tool("bsdtar").is_none()) {
            continue;
        }
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir_all(scratch.path().join("sample/data")).unwrap();
        fs::write(scratch.path().join("sample/pack.yaml"), MANIFEST).unwrap();
        fs::write(scratch.path().join("sample/data/a"), "a").unwrap();
        run(setup, scratch.path());
        let found = problems(&run(command, scratch.path())).join("\n");
        assert!(words.iter().all(|words| found.contains(words)), "{command}: {found}");
        if let Err(error) = validate(&run(fixed, scratch.path())) {
            panic!("{fixed}: {error}");
        }
    }
}

/// Runs a shell command. Returns the archive that the command wrote to `out`, or no bytes if it wrote none.
fn run(command: &str, directory: &Path) -> Vec<u8> {
    let output = Command::new("sh").args(["-ec", command]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    fs::read(directory.join("out")).unwrap_or_default()
}
