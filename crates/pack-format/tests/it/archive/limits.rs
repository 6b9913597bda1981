//! Tests for [`Limits`]: their default values, what each limit counts, and that a value equal to its limit is accepted
//! while a larger one is rejected.

use flate2::Compression;
use pack_format::{Limits, ValidationError};
use test_support::{
    archive::{Archive, BLOCK, Header, SIZE, gzip, gzip_at},
    validation::validate_within,
};

const ACCEPTED: Result<(), String> = Ok(());

/// Validates a tar. An error contains the name, value and message of the exceeded limit, or the messages for the
/// `archive` field.
fn check(tar: &[u8], limits: &Limits) -> Result<(), String> {
    check_upload(&gzip(tar), limits)
}

fn check_upload(upload: &[u8], limits: &Limits) -> Result<(), String> {
    match validate_within(upload, limits) {
        Ok(_) => Ok(()),
        Err(ValidationError::TooLarge(limit)) => Err(format!("{} {}: {limit}", limit.name(), limit.value())),
        Err(ValidationError::Invalid(problems)) => Err(problems.by_field()["archive"].join("; ")),
        Err(ValidationError::Io(error)) => panic!("{error}"),
    }
}

fn rejected(text: &str) -> Result<(), String> {
    Err(text.to_owned())
}

#[test]
fn the_default_limits_do_not_change() {
    let expected = Limits {
        compressed_bytes: 4_500_000,
        unpacked_bytes: 67_108_864,
        file_bytes: 16_777_216,
        manifest_bytes: 65_536,
        entries: 10_000,
        path_bytes: 1_024,
        path_depth: 32,
        component_bytes: 255,
        compression_ratio: 200,
        ratio_free_bytes: 67_108_864,
        extension_header_bytes: 65_536,
    };
    assert_eq!(Limits::default(), expected);
}

#[test]
fn map_passes_each_limit_with_the_name_of_its_field() {
    let mut names = Vec::new();
    let numbered = Limits::default().map(|name, _| {
        names.push(name);
        names.len() as u64
    });
    let expected: String = names.iter().zip(1..).map(|(name, number)| format!("{name}: {number}, ")).collect();
    // `Debug` prints the fields' names.
    assert_eq!(format!("{numbered:?}"), format!("Limits {{ {} }}", expected.trim_end_matches(", ")));
}

#[test]
fn limits_compressed_bytes() {
    let upload = gzip(&Archive::pack().tar());
    let exact = upload.len() as u64;
    let limits = |compressed_bytes| Limits { compressed_bytes, ..Limits::default() };
    assert_eq!(check_upload(&upload, &limits(exact)), ACCEPTED);
    let over = exact - 1;
    assert_eq!(
        check_upload(&upload, &limits(over)),
        rejected(&format!(
            "compressed_bytes {over}: the archive has more than {over} bytes (limit `compressed_bytes`)"
        )),
    );
}

#[test]
fn limits_compressed_bytes_by_default() {
    // The tar is stored, not compressed. gzip adds 5 bytes for each 64 KiB, and 18 bytes for its header and trailer.
    let upload = |length| gzip_at(&Archive::pack().file("data/a", vec![b'x'; length]).tar(), Compression::none());
    let padding = 4_500_000 - upload(4_000_000 / BLOCK * BLOCK).len();
    let mut length = 4_000_000 / BLOCK * BLOCK + padding / BLOCK * BLOCK;
    while upload(length).len() > 4_500_000 {
        length -= BLOCK;
    }
    assert_eq!(check_upload(&upload(length), &Limits::default()), ACCEPTED);
    assert_eq!(
        check_upload(&upload(length + BLOCK), &Limits::default()),
        rejected("compressed_bytes 4500000: the archive has more than 4500000 bytes (limit `compressed_bytes`)"),
    );
}

#[test]
fn limits_unpacked_bytes() {
    let tar = Archive::pack().tar();
    let limits = |unpacked_bytes| Limits { unpacked_bytes, ..Limits::default() };
    assert_eq!(check(&tar, &limits(2048)), ACCEPTED);
    assert_eq!(
        check(&tar, &limits(2047)),
        rejected("unpacked_bytes 2047: the archive unpacks to more than 2047 bytes (limit `unpacked_bytes`)"),
    );
}

#[test]
fn counts_everything_in_the_tar_as_unpacked_bytes() {
    let over = rejected("unpacked_bytes 4096: the archive unpacks to more than 4096 bytes (limit `unpacked_bytes`)");
    let limits = Limits { unpacked_bytes: 4096, ..Limits::default() };
    let exact = [
        Archive::pack().file("data/a", [1; 1024]),
        Archive::pack().file("data/.DS_Store", [1; 1024]),
        Archive::pack().pax(&[("comment", b"x")]).file("data/a", b""),
        Archive::pack().file("a/../b", [1; 1024]),
        Archive::pack().raw(&[0; 2048]),
    ];
    for archive in exact {
        let tar = archive.tar();
        assert!(tar.len() <= 4096 && check(&tar, &limits) != over);
        let padding = 4096 - tar.len() + BLOCK;
        assert_eq!(check(&[tar, vec![0; padding]].concat(), &limits), over);
    }
}

#[test]
fn limits_file_bytes() {
    let limits = Limits { file_bytes: 1000, ..Limits::default() };
    let tar = |length| Archive::pack().file("data/a", vec![b'x'; length]).tar();
    assert_eq!(check(&tar(1000), &limits), ACCEPTED);
    assert_eq!(
        check(&tar(1001), &limits),
        rejected("file_bytes 1000: entry `data/a` at byte 1024 has more than 1000 bytes (limit `file_bytes`)"),
    );
}

#[test]
fn limits_file_bytes_by_the_size_that_the_header_states() {
    let by_default = |entry: &str| {
        rejected(&format!("file_bytes 16777216: {entry} has more than 16777216 bytes (limit `file_bytes`)"))
    };
    let mut base_256 = [0xff; 12];
    (base_256[0], base_256[1], base_256[2], base_256[3], base_256[4]) = (0x80, 0, 0, 0, 0x7f);
    for size in [b"100000001\0".as_slice(), b"77777777777\0", b"777777777777", &base_256] {
        let tar = Archive::pack().header(Header::gnu("data/a").field(SIZE, size)).tar();
        assert_eq!(check(&tar, &Limits::default()), by_default("entry `data/a` at byte 1024"));
    }
    // This size has 12 octal digits, so it does not fit in the octal field of the header with a terminating NUL.
    let tar = Archive::pack().pax(&[("size", b"8589934592")]).file("data/a", b"").tar();
    assert_eq!(check(&tar, &Limits::default()), by_default("entry `data/a` at byte 2048"));
}

#[test]
fn an_upload_may_fit_a_higher_limit_only_if_its_claimed_size_does() {
    let tar = |size: &[u8]| Archive::pack().header(Header::gnu("data/a").field(SIZE, size)).tar();
    let exceeded = |tar: &[u8]| match validate_within(&gzip(tar)[..], &Limits::default()) {
        Err(ValidationError::TooLarge(limit)) => limit,
        other => panic!("{other:?}"),
    };
    // One byte more than 16 MiB.
    let limit = exceeded(&tar(b"100000001\0"));
    assert_eq!([16 << 20, (16 << 20) + 1, 128 << 20].map(|value| limit.may_fit(value)), [false, true, true]);
    // Almost 8 GiB.
    let limit = exceeded(&tar(b"77777777777\0"));
    assert_eq!([16 << 20, 128 << 20, 8 << 30].map(|value| limit.may_fit(value)), [false, false, true]);
}

#[test]
fn limits_entries() {
    let tar = |count: usize| {
        (1..count).fold(Archive::pack(), |archive, number| archive.file(format!("data/{number}"), b"")).tar()
    };
    assert_eq!(check(&tar(10_000), &Limits::default()), ACCEPTED);
    assert_eq!(
        check(&tar(10_001), &Limits::default()),
        rejected("entries 10000: the archive has more than 10000 entries (limit `entries`)"),
    );
}

#[test]
fn counts_dropped_entries_and_extension_headers() {
    let limits = |entries| Limits { entries, ..Limits::default() };
    let over = |entries: u64| {
        rejected(&format!("entries {entries}: the archive has more than {entries} entries (limit `entries`)"))
    };
    for archive in [
        Archive::pack().file(".DS_Store", b"").directory("._a"),
        Archive::pack().pax(&[("comment", b"x")]).file("data/a", b""),
        Archive::pack().long_name("data/a").file("x", b""),
        Archive::pack().directory("./").directory("./"),
    ] {
        assert_eq!(check(&archive.clone().tar(), &limits(3)), ACCEPTED);
        assert_eq!(check(&archive.tar(), &limits(2)), over(2));
    }
}

#[test]
fn counts_added_directories_separately() {
    let tar = Archive::pack().file("data/a/b/c", b"").file("data/d/e", b"").tar();
    let limits = |entries| Limits { entries, ..Limits::default() };
    assert_eq!(check(&tar, &limits(4)), ACCEPTED);
    assert_eq!(check(&tar, &limits(3)), rejected("entries 3: the archive has more than 3 entries (limit `entries`)"),);
}

#[test]
fn limits_the_compression_ratio() {
    // Deflate compresses zeros by a factor of about 1000.
    let zeros = |length: usize| Archive::pack().file("data/zeros", vec![0; length]).tar();
    let over = rejected(
        "compression_ratio 200: the archive unpacks to more than 200 times its compressed size \
         (limit `compression_ratio`)",
    );
    let defaults = Limits { ratio_free_bytes: 1 << 20, ..Limits::default() };
    let free = (1 << 20) - zeros(0).len();
    assert_eq!(zeros(free).len(), 1 << 20);
    assert_eq!(check(&zeros(free), &defaults), ACCEPTED);
    assert_eq!(check(&zeros(free + 1), &defaults), over);

    let tar = zeros(3 << 20);
    let upload = gzip(&tar);
    let ratio = (tar.len() as u64).div_ceil(upload.len() as u64);
    let limits = |compression_ratio| Limits { compression_ratio, ..defaults.clone() };
    // Allow twice the ratio: it is checked during reading, and the start of an archive may compress better than the
    // whole archive.
    assert_eq!(check_upload(&upload, &limits(ratio * 2)), ACCEPTED);
    let over = ratio - 1;
    assert_eq!(
        check_upload(&upload, &limits(over)),
        rejected(&format!(
            "compression_ratio {over}: the archive unpacks to more than {over} times its compressed size \
             (limit `compression_ratio`)"
        )),
    );
}

#[test]
fn limits_extension_header_bytes() {
    // The record is 15 bytes longer than its value: "65536 comment=" and a line feed.
    let pax = |length| Archive::pack().pax(&[("comment", &vec![b'x'; length])]).file("data/a", b"").tar();
    assert_eq!(check(&pax(65_536 - 15), &Limits::default()), ACCEPTED);
    let problem = "the extension header at byte 1024 has 65537 bytes; \
                   at most 65536 are allowed (limit `extension_header_bytes`)";
    assert_eq!(check(&pax(65_536 - 14), &Limits::default()), rejected(problem));
    for typeflag in [b'x', b'g', b'L', b'K'] {
        let tar = Archive::pack().extension(typeflag, &[b'x'; 65_537]).file("data/a", b"").tar();
        assert_eq!(check(&tar, &Limits::default()), rejected(problem));
    }
}

#[test]
fn accepts_names_at_their_limits() {
    let accept = |name: &str| check(&Archive::pack().long_name(name).file("x", b"").tar(), &Limits::default());
    assert_eq!(accept(&format!("data/{}", "x".repeat(255))), ACCEPTED);
    assert_eq!(accept(&["data"; 32].join("/")), ACCEPTED);
    let long = format!("data/{}/{}", vec!["y".repeat(200); 5].join("/"), "z".repeat(14));
    assert_eq!(long.len(), 1024);
    assert_eq!(accept(&long), ACCEPTED);
    assert_eq!(accept(&format!("./{long}")), ACCEPTED);
}

#[test]
fn applies_configured_limits_to_names() {
    let limits = Limits { path_bytes: 10, path_depth: 2, component_bytes: 9, ..Limits::default() };
    let name = |name: &str| check(&Archive::pack().file(name, b"").file("data/b", b"").tar(), &limits);
    let problem = |name: &str, problem: &str| rejected(&format!("entry `{name}` at byte 1024 {problem}"));
    assert_eq!(
        name("data/a/bcd"),
        problem("data/a/bcd", "has a name of 3 components; at most 2 are allowed (limit `path_depth`)"),
    );
    assert_eq!(
        name("data/abcdef"),
        problem("data/abcdef", "has a name of 11 bytes; at most 10 are allowed (limit `path_bytes`)"),
    );
    assert_eq!(
        check(&Archive::pack().file("data/ab", b"").tar(), &Limits { component_bytes: 3, path_bytes: 9, ..limits }),
        rejected(
            "entry `pack.yaml` at byte 0 has a component of 9 bytes in its name; at most 3 are allowed \
             (limit `component_bytes`); entry `data/ab` at byte 1024 has a component of 4 bytes in its name; \
             at most 3 are allowed (limit `component_bytes`)"
        ),
    );
}

#[test]
fn an_exceeded_limit_takes_precedence_over_problems() {
    let limits = Limits { file_bytes: 1000, ..Limits::default() };
    let tar = Archive::pack().file("../a", b"").file("data/a", [b'x'; 1001]).tar();
    match validate_within(&gzip(&tar)[..], &limits) {
        Err(ValidationError::TooLarge(limit)) => assert_eq!((limit.name(), limit.value()), ("file_bytes", 1000)),
        other => panic!("{other:?}"),
    }
}
