//! How much memory the worst uploads cost the functions' own processes, from the event to the answer and from the job
//! to the pushed image; and that each has its verdict. How much processor time they cost is told beside that, for whoever
//! sets a function's size (tests/scripts/measure).

use std::{
    fs, iter,
    process::{Command, Stdio},
    time::Duration,
};

use flate2::Compression;
use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::archive::{Archive, BLOCK, Header, PREFIX, gzip, gzip_at, pax_record};

use crate::{
    end_to_end::faults::{Role, System, begin, submit, upload},
    support::{manifest, scratch, send},
};

/// What a process may have had in memory at its worst, in KiB.
const MOST_KIB: u64 = 160 << 10;

/// How many builds are pending: more than are looked after side by side.
const PENDING: usize = 40;

/// For validating in a debug build on a busy machine.
const PATIENCE: [(&str, &str); 5] = [
    ("REQUEST_DEADLINE_MS", "50000"),
    ("CALL_ATTEMPT_TIMEOUT_MS", "10000"),
    ("TRANSFER_ATTEMPT_TIMEOUT_MS", "45000"),
    ("PUSH_TIMEOUT_MS", "45000"),
    ("REQUEUE_AFTER_MS", "60000"),
];

/// What is to become of an upload.
#[derive(Debug, PartialEq)]
enum Verdict {
    Accepted,
    /// The field that has problems.
    Invalid(&'static str),
    /// The limit's name.
    TooLarge(&'static str),
}

use Verdict::{Accepted, Invalid, TooLarge};

/// An archive that begins with a `pack.yaml` of this name, more of which follows from line 4 on.
fn pack(name: &str, yaml: &str) -> Archive {
    Archive::new().file("pack.yaml", manifest(name, "1.0.0") + yaml)
}

/// Bytes that no compression makes fewer.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Contents up to the last byte that may be unpacked, which compress to about a sixteenth.
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

/// Nearly as many entries as there may be, each in a directory of its own that has to be added, at the greatest depth.
fn deep() -> Archive {
    let prefix = format!("data/{}", ["level-x"; 18].join("/"));
    let parents = ["level-x"; 11].join("/");
    (0..9_960).fold(pack("deep", ""), |archive, index| {
        archive.entry(Header::ustar(format!("{parents}/{index:05}/f")).field(PREFIX, &prefix), b"")
    })
}

/// As many entries as there may be with names as long as they may be, which takes an extension header for each.
fn long_names() -> Archive {
    let parents = format!("data/{}", iter::repeat_n("é".repeat(126), 4).collect::<Vec<_>>().join("/"));
    (0..4_999).fold(pack("long-names", ""), |archive, index| {
        archive.long_name(format!("{parents}/{index:05}")).file("x", b"")
    })
}

/// As much as there may be of extension headers that hold these records again and again.
fn extended(name: &str, record: &[u8]) -> Archive {
    let records = record.repeat((64 << 10) / record.len());
    (0..1_000)
        .fold(pack(name, ""), |archive, index| archive.extension(b'x', &records).file(format!("data/{index}"), b""))
}

/// Five times what an archive inside a request may unpack to, of which the pack is a fifth in its archive.
fn large() -> Archive {
    let content: Vec<u8> =
        noise(3 << 20).chunks(4_096).flat_map(|chunk| iter::repeat_n(chunk, 5).flatten().copied()).collect();
    (0..20).fold(pack("large", ""), |archive, index| archive.file(format!("data/{index}"), &content))
}

/// As many problems as names can have.
fn bad_names() -> Archive {
    let controls: String = (1..0x20).chain(0x7f..0xa0).filter_map(char::from_u32).collect();
    let name = format!("data/{controls}{}", "\\".repeat(900));
    (0..4_999)
        .fold(pack("bad-names", ""), |archive, index| archive.long_name(format!("{name}{index:05}")).file("x", b""))
}

/// A `pack.yaml` of this name whose capabilities are nearly as long as they may be.
fn capabilities(name: &str) -> Archive {
    let domains: String = (0..1_000).map(|index| format!("          - a{index:03}.example.com\n")).collect();
    let rule = format!("      - methods: [GET]\n        domains:\n{domains}");
    pack(name, &format!("capabilities:\n  - name: a\n    type: http\n    allow:\n{rule}"))
}

fn uploads() -> Vec<(&'static str, Vec<u8>, Verdict)> {
    let long_text = |unit: &str| unit.repeat(65_000 / unit.len());
    vec![
        ("64 MiB of contents", gzip_at(&full().tar(), Compression::fast()), Accepted),
        (
            "16 MiB of one byte",
            gzip(&pack("bomb", "").file("data/x", vec![b'x'; 16 << 20]).tar()),
            TooLarge("compression_ratio"),
        ),
        ("4.4 MB of noise", gzip(&pack("noise", "").file("data/noise", noise(4_400_000)).tar()), Accepted),
        ("4.4 MB that is no archive", noise(4_400_000), Invalid("archive")),
        ("4.51 MB", noise(4_510_000), TooLarge("compressed_bytes")),
        ("deep paths", gzip(&deep().tar()), Accepted),
        ("long names", gzip(&long_names().tar()), Accepted),
        ("bad names", gzip(&bad_names().tar()), Invalid("archive")),
        (
            "extension headers",
            gzip_at(&extended("extended", &pax_record("comment", &[b'x'; 500])).tar(), Compression::fast()),
            Accepted,
        ),
        (
            "bad extension headers",
            gzip_at(&extended("bad-extended", &pax_record("GNU.x", b"")).tar(), Compression::fast()),
            Invalid("archive"),
        ),
        ("deep YAML", gzip(&pack("deep-yaml", &format!("x: {}", long_text("["))).tar()), Invalid("pack.yaml")),
        ("wide YAML", gzip(&pack("wide-yaml", &format!("x: [{}]", long_text("a,"))).tar()), Invalid("pack.yaml")),
        ("capabilities", gzip(&capabilities("capabilities").tar()), Accepted),
    ]
}

/// Forgets what a process has had in memory at its worst (proc(5), `clear_refs`).
fn forget_peak(process: u32) {
    fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
}

/// What a process has had in memory at its worst since then, in KiB.
fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// How much processor time a process has had, in clock ticks (proc(5), `stat`).
fn ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    [fields[11], fields[12]].map(|ticks| ticks.parse::<u64>().unwrap()).iter().sum()
}

/// How many clock ticks `gzip -dc` takes for an archive.
async fn gzip_ticks(archive: &[u8]) -> u64 {
    let (_folder, path) = scratch();
    let file = path.join("archive");
    fs::write(&file, archive).unwrap();
    let mut gzip = Command::new("gzip").arg("-dc").arg(file).stdout(Stdio::null()).spawn().unwrap();
    // What has ended keeps its figures until somebody waits for it.
    while !fs::read_to_string(format!("/proc/{}/stat", gzip.id())).unwrap().contains(") Z ") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ticks = ticks(gzip.id());
    assert!(gzip.wait().unwrap().success());
    ticks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worst_uploads_have_their_verdicts_within_160_mib() {
    let mut system = System::start(&PATIENCE).await;
    let (api, builder) = (system.process(Role::Api), system.process(Role::Builder));
    let mut too_much = Vec::new();
    let uploads = uploads();
    let unit = gzip_ticks(&uploads[0].1).await;
    println!("processor time as a multiple of what `gzip -dc` takes for the first archive, {unit} clock ticks");
    for (name, archive, expected) in uploads {
        forget_peak(api);
        forget_peak(builder);
        let before = [api, builder].map(ticks);
        let answer = system.request(upload(&archive)).await.unwrap();
        let error = &answer.body["error"];
        let found = match error["code"].as_str() {
            None => {
                answer.expect(StatusCode::CREATED);
                assert!(system.deliver().await);
                system.expect_good(&answer.body).await;
                json!(null)
            }
            Some("payload_too_large") => error["details"]["limit"]["name"].clone(),
            Some(_) => {
                answer.expect_error(400, "validation_error");
                error["details"]["fields"].as_object().unwrap().keys().cloned().map(Value::from).collect()
            }
        };
        let expected = match expected {
            Accepted => json!(null),
            Invalid(field) => json!([field]),
            TooLarge(limit) => json!(limit),
        };
        assert_eq!(found, expected, "{name}: {}", answer.body);
        let peaks = [api, builder].map(peak_kib);
        let [api, builder] = [(api, 0), (builder, 1)].map(|(process, index)| {
            let time = (ticks(process) - before[index]) as f64 / unit as f64;
            format!("{} MiB and {time:.1}", peaks[index] >> 10)
        });
        println!("{name}: {} bytes; api {api}, builder {builder}", archive.len());
        if peaks.into_iter().max() > Some(MOST_KIB) {
            too_much.push(name);
        }
    }
    assert_eq!(too_much, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_pack_by_way_of_s3_takes_no_more_than_others() {
    let mut system = System::start(&PATIENCE).await;
    let archive = gzip_at(&large().tar(), Compression::fast());
    let unit = gzip_ticks(&archive).await;
    let begun = system.request(begin(&archive)).await.unwrap();
    begun.expect(StatusCode::CREATED);
    assert_eq!(send(&begun, archive.clone()).await, StatusCode::OK);
    let processes = [Role::Api, Role::Builder].map(|role| system.process(role));
    processes.into_iter().for_each(forget_peak);
    let before = processes.map(ticks);
    let created = system.request(submit(begun.text("upload_id"))).await.unwrap();
    created.expect(StatusCode::CREATED);
    assert!(system.deliver().await);
    system.expect_good(&created.body).await;
    for (index, name) in ["api", "builder"].into_iter().enumerate() {
        let (peak, ticks) = (peak_kib(processes[index]), ticks(processes[index]) - before[index]);
        println!(
            "large pack, {} bytes: {name} {} MiB and {:.1}",
            archive.len(),
            peak >> 10,
            ticks as f64 / unit as f64
        );
        assert!(peak <= MOST_KIB, "{name}: {peak} KiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_after_the_largest_records_takes_no_more() {
    let mut system = System::start(&[&PATIENCE[..], &[("REQUEUE_AFTER_MS", "0")]].concat()).await;
    for index in 0..PENDING {
        let archive = gzip(&capabilities(&format!("large-{index}")).tar());
        system.request(upload(&archive)).await.unwrap().expect(StatusCode::CREATED);
    }
    let requeue = system.process(Role::Requeue);
    forget_peak(requeue);
    assert_eq!(system.sweep().await, Some(Ok(Value::Null)));
    assert!(peak_kib(requeue) <= MOST_KIB, "{} KiB", peak_kib(requeue));
    println!("{PENDING} pending builds: requeue {} MiB", peak_kib(requeue) >> 10);
}
