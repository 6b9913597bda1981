//! Tests for the Lambda functions' peak memory in the most expensive uploads, builds and sweeps. They also check the
//! results, and print memory and CPU time. tests/scripts/measure runs them with the binaries built for deployment.
//!
//! To add a case, add an archive and its expected result to [`uploads`].

use std::{
    fs, iter,
    process::{Command, Stdio},
    time::Duration,
};

use flate2::Compression;
use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::archive::{Archive, BLOCK, Header, PREFIX, gzip_at, pax_record};

use crate::{
    end_to_end::faults::{LambdaStack, Role, begin, submit, upload},
    support::{manifest, put_archive, scratch},
};

/// The maximum peak memory of a process, in KiB.
const MAX_PEAK_KIB: u64 = 160 << 10;

/// The number of pending builds: more than requeue processes concurrently.
const PENDING: usize = 40;

/// Timeouts long enough for a debug build on a busy machine.
const LONG_TIMEOUTS: [(&str, &str); 5] = [
    ("REQUEST_DEADLINE_MS", "50000"),
    ("CALL_ATTEMPT_TIMEOUT_MS", "10000"),
    ("TRANSFER_ATTEMPT_TIMEOUT_MS", "45000"),
    ("PUSH_TIMEOUT_MS", "45000"),
    ("REQUEUE_AFTER_MS", "60000"),
];

/// The expected result of an upload.
#[derive(Debug, PartialEq)]
enum Expected {
    Accepted,
    /// A validation error in this field.
    Invalid(&'static str),
    /// The upload exceeds the limit with this name.
    TooLarge(&'static str),
}

use Expected::{Accepted, Invalid, TooLarge};

/// Returns an archive whose `pack.yaml` is the manifest of the pack `name`, followed by `yaml`.
fn pack(name: &str, yaml: &str) -> Archive {
    Archive::new().file("pack.yaml", manifest(name, "1.0.0") + yaml)
}

/// Returns incompressible bytes.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Returns an archive that unpacks to the maximum size, but whose compressed size is below the limit for a request.
fn full() -> Archive {
    let dense: Vec<u8> =
        noise(1 << 19).chunks(16).flat_map(|chunk| iter::repeat_n(chunk, 32).flatten().copied()).collect();
    let mut archive = pack("full", "");
    for index in 0..3 {
        archive = archive.file(format!("data/{index}"), &dense);
    }
    let rest = (64 << 20) - archive.position() - 3 * BLOCK;
    archive.file("data/rest", &dense[..rest])
}

/// Returns an archive with nearly the maximum number of entries. Each is at the maximum depth, in a directory of its
/// own that has no entry in the archive.
fn deep() -> Archive {
    let prefix = format!("data/{}", ["level-x"; 18].join("/"));
    let parents = ["level-x"; 11].join("/");
    (0..9_960).fold(pack("deep", ""), |archive, index| {
        archive.entry(Header::ustar(format!("{parents}/{index:05}/f")).field(PREFIX, &prefix), b"")
    })
}

/// Returns an archive with as many entries as possible. Each has an extension header and a name of nearly the maximum
/// length.
fn long_names() -> Archive {
    let parents = format!("data/{}", iter::repeat_n("é".repeat(126), 4).collect::<Vec<_>>().join("/"));
    (0..4_999).fold(pack("long-names", ""), |archive, index| {
        archive.long_name(format!("{parents}/{index:05}")).file("x", b"")
    })
}

/// Returns an archive with 1,000 extension headers of nearly the maximum size, filled with copies of `record`.
fn extended(name: &str, record: &[u8]) -> Archive {
    let records = record.repeat((64 << 10) / record.len());
    (0..1_000)
        .fold(pack(name, ""), |archive, index| archive.extension(b'x', &records).file(format!("data/{index}"), b""))
}

/// Returns an archive that unpacks to about five times `unpacked_bytes`, the limit for an archive in a request. It
/// compresses to about a fifth of its unpacked size.
fn large() -> Archive {
    let content: Vec<u8> =
        noise(3 << 20).chunks(4_096).flat_map(|chunk| iter::repeat_n(chunk, 5).flatten().copied()).collect();
    (0..20).fold(pack("large", ""), |archive, index| archive.file(format!("data/{index}"), &content))
}

/// Returns an archive whose entry names have as many problems as possible.
fn bad_names() -> Archive {
    let controls: String = (1..0x20).chain(0x7f..0xa0).filter_map(char::from_u32).collect();
    let name = format!("data/{controls}{}", "\\".repeat(900));
    (0..4_999)
        .fold(pack("bad-names", ""), |archive, index| archive.long_name(format!("{name}{index:05}")).file("x", b""))
}

/// Returns an archive with capabilities of nearly the maximum length.
fn capabilities(name: &str) -> Archive {
    let domains: String = (0..1_000).map(|index| format!("          - a{index:03}.example.com\n")).collect();
    let rule = format!("      - methods: [GET]\n        domains:\n{domains}");
    pack(name, &format!("capabilities:\n  - name: a\n    type: http\n    allow:\n{rule}"))
}

fn uploads() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let long_text = |unit: &str| unit.repeat(65_000 / unit.len());
    vec![
        ("64 MiB of contents", gzip_at(&full().tar(), Compression::fast()), Accepted),
        (
            "80 MiB of one byte",
            (0..5)
                .fold(pack("bomb", ""), |archive, index| archive.file(format!("data/{index}"), vec![b'x'; 16 << 20]))
                .tar_gz(),
            TooLarge("unpacked_bytes"),
        ),
        ("4.4 MB of noise", pack("noise", "").file("data/noise", noise(4_400_000)).tar_gz(), Accepted),
        ("4.4 MB that is not an archive", noise(4_400_000), Invalid("archive")),
        ("4.51 MB", noise(4_510_000), TooLarge("compressed_bytes")),
        ("deep paths", deep().tar_gz(), Accepted),
        ("long names", long_names().tar_gz(), Accepted),
        ("bad names", bad_names().tar_gz(), Invalid("archive")),
        (
            "extension headers",
            gzip_at(&extended("extended", &pax_record("comment", &[b'x'; 500])).tar(), Compression::fast()),
            Accepted,
        ),
        (
            "bad extension headers",
            gzip_at(&extended("bad-extended", &pax_record("GNU.sparse.x", b"")).tar(), Compression::fast()),
            Invalid("archive"),
        ),
        ("deep YAML", pack("deep-yaml", &format!("x: {}", long_text("["))).tar_gz(), Invalid("pack.yaml")),
        ("wide YAML", pack("wide-yaml", &format!("x: [{}]", long_text("a,"))).tar_gz(), Invalid("pack.yaml")),
        ("capabilities", capabilities("capabilities").tar_gz(), Accepted),
    ]
}

/// Resets the peak memory of a process (proc(5), `clear_refs`).
fn reset_peak(process: u32) {
    fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
}

/// Returns the peak memory of a process since the last reset, in KiB.
fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Returns the CPU time of a process in clock ticks (proc(5), `stat`).
fn ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    [fields[11], fields[12]].map(|ticks| ticks.parse::<u64>().unwrap()).iter().sum()
}

/// Returns the CPU time that `gzip -dc` needs for an archive, in clock ticks.
async fn gzip_ticks(archive: &[u8]) -> u64 {
    let (_directory, path) = scratch();
    let file = path.join("archive");
    fs::write(&file, archive).unwrap();
    let mut gzip = Command::new("gzip").arg("-dc").arg(file).stdout(Stdio::null()).spawn().unwrap();
    // Poll until gzip has exited (state `Z`), because its CPU time is final only then. `/proc/<pid>/stat` of an exited
    // process stays readable until its parent waits for it.
    while !fs::read_to_string(format!("/proc/{}/stat", gzip.id())).unwrap().contains(") Z ") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ticks = ticks(gzip.id());
    assert!(gzip.wait().unwrap().success());
    ticks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_most_expensive_uploads_stay_within_160_mib() {
    let mut stack = LambdaStack::start(&LONG_TIMEOUTS).await;
    let (api, builder) = (stack.process(Role::Api), stack.process(Role::Builder));
    let mut exceeded = Vec::new();
    let uploads = uploads();
    let unit = gzip_ticks(&uploads[0].1).await;
    println!("CPU time as a multiple of `gzip -dc` on the first archive, which takes {unit} clock ticks");
    for (name, archive, expected) in uploads {
        reset_peak(api);
        reset_peak(builder);
        let before = [api, builder].map(ticks);
        let response = stack.request(upload(&archive)).await.unwrap();
        let error = &response.body["error"];
        let found = match error["code"].as_str() {
            None => {
                response.expect(StatusCode::CREATED);
                assert!(stack.deliver().await);
                stack.expect_ready(&response.body).await;
                json!(null)
            }
            Some("payload_too_large") => error["details"]["limit"]["name"].clone(),
            Some(_) => {
                response.expect_error(400, "validation_error");
                error["details"]["fields"].as_object().unwrap().keys().cloned().map(Value::from).collect()
            }
        };
        let expected = match expected {
            Accepted => json!(null),
            Invalid(field) => json!([field]),
            TooLarge(limit) => json!(limit),
        };
        assert_eq!(found, expected, "{name}: {}", response.body);
        let peaks = [api, builder].map(peak_kib);
        let [api, builder] = [(api, 0), (builder, 1)].map(|(process, index)| {
            let time = (ticks(process) - before[index]) as f64 / unit as f64;
            format!("{} MiB and {time:.1}", peaks[index] >> 10)
        });
        println!("{name}: {} bytes; api {api}, builder {builder}", archive.len());
        if peaks.into_iter().max() > Some(MAX_PEAK_KIB) {
            exceeded.push(name);
        }
    }
    assert_eq!(exceeded, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_pack_through_s3_stays_within_160_mib() {
    let mut stack = LambdaStack::start(&LONG_TIMEOUTS).await;
    let archive = gzip_at(&large().tar(), Compression::fast());
    let unit = gzip_ticks(&archive).await;
    let begun = stack.request(begin(&archive)).await.unwrap();
    begun.expect(StatusCode::CREATED);
    assert_eq!(put_archive(&begun, archive.clone()).await, StatusCode::OK);
    let processes = [Role::Api, Role::Builder].map(|role| stack.process(role));
    processes.into_iter().for_each(reset_peak);
    let before = processes.map(ticks);
    let created = stack.request(submit(begun.text("upload_id"))).await.unwrap();
    created.expect(StatusCode::CREATED);
    assert!(stack.deliver().await);
    stack.expect_ready(&created.body).await;
    for (index, name) in ["api", "builder"].into_iter().enumerate() {
        let (peak, ticks) = (peak_kib(processes[index]), ticks(processes[index]) - before[index]);
        println!(
            "large pack, {} bytes: {name} {} MiB and {:.1}",
            archive.len(),
            peak >> 10,
            ticks as f64 / unit as f64
        );
        assert!(peak <= MAX_PEAK_KIB, "{name}: {peak} KiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requeue_stays_within_160_mib_for_the_largest_records() {
    let mut stack = LambdaStack::start(&[&LONG_TIMEOUTS[..], &[("REQUEUE_AFTER_MS", "0")]].concat()).await;
    for index in 0..PENDING {
        let archive = capabilities(&format!("large-{index}")).tar_gz();
        stack.request(upload(&archive)).await.unwrap().expect(StatusCode::CREATED);
    }
    let requeue = stack.process(Role::Requeue);
    reset_peak(requeue);
    assert_eq!(stack.sweep().await, Some(Ok(Value::Null)));
    assert!(peak_kib(requeue) <= MAX_PEAK_KIB, "{} KiB", peak_kib(requeue));
    println!("{PENDING} pending builds: requeue {} MiB", peak_kib(requeue) >> 10);
}
