//! Packs made on the spot, the same ones each time.

use flate2::{Compression, write::GzEncoder};

/// What all packs come from.
const SEED: u64 = 0x9ac4_0b1e;
/// What the archives are to have, in bytes.
const LARGE: usize = 4 << 20;

/// An archive in the making, as an ordinary author's tar would write it.
pub struct Archive {
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
    random: fastrand::Rng,
    words: Vec<String>,
}

impl Archive {
    /// One that has a `pack.yaml` of this name and nothing else.
    pub fn new(name: &str) -> Self {
        Self::of_version(name, "1.0.0")
    }

    fn of_version(name: &str, version: &str) -> Self {
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut letters = |length| (0..length).map(|_| random.lowercase()).collect::<String>();
        let words = (0..4_000).map(|index| letters(2 + index % 9)).collect();
        let tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let manifest = format!("name: {name}\nversion: {version}\ndescription: A pack to be measured\n");
        Self { tar, random, words }.file("pack.yaml", manifest.as_bytes())
    }

    /// Adds a file.
    pub fn file(mut self, path: &str, content: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, path, content).expect("a Vec takes whatever is written to it");
        self
    }

    /// Adds this many bytes of Markdown.
    pub fn markdown(mut self, path: &str, length: usize) -> Self {
        let mut text = String::new();
        while text.len() < length {
            let mark = ["## ", "- ", "1. ", "", "", "", "    $ "][self.random.usize(..7)];
            let sentences = if mark.is_empty() { 1 + self.random.usize(..8) } else { 1 };
            text.push_str(mark);
            (0..sentences).for_each(|_| self.sentence(&mut text));
            text.push_str("\n\n");
        }
        text.truncate(length);
        self.file(path, text.as_bytes())
    }

    /// Adds this many bytes of YAML.
    pub fn yaml(mut self, path: &str, length: usize) -> Self {
        let mut text = String::new();
        while text.len() < length {
            text.push_str("- name: ");
            self.sentence(&mut text);
            for key in ["when", "severity", "notify"] {
                text.push_str(&format!("\n  {key}: "));
                self.sentence(&mut text);
            }
            text.push('\n');
        }
        text.truncate(length);
        self.file(path, text.as_bytes())
    }

    /// Adds this many bytes that no compression makes fewer.
    pub fn noise(mut self, path: &str, length: usize) -> Self {
        let mut bytes = vec![0; length];
        self.random.fill(&mut bytes);
        self.file(path, &bytes)
    }

    /// Adds this many bytes that compress to about a sixteenth.
    pub fn dense(mut self, path: &str, length: usize) -> Self {
        let mut bytes = Vec::with_capacity(length + 512);
        while bytes.len() < length {
            let chunk: [u8; 16] = self.random.u128(..).to_ne_bytes();
            (0..32).for_each(|_| bytes.extend_from_slice(&chunk));
        }
        bytes.truncate(length);
        self.file(path, &bytes)
    }

    /// How many bytes it has so far, nearly.
    pub fn len(&self) -> usize {
        self.tar.get_ref().get_ref().len()
    }

    /// The `.tar.gz`.
    pub fn finish(self) -> Vec<u8> {
        let gzip = self.tar.into_inner().expect("a Vec takes whatever is written to it");
        gzip.finish().expect("a Vec takes whatever is written to it")
    }

    /// A few words, the first of which are the frequent ones.
    fn sentence(&mut self, text: &mut String) {
        for index in 0..4 + self.random.usize(..12) {
            let rank = self.random.f64().powi(4) * self.words.len() as f64;
            text.push_str(if index == 0 { "" } else { " " });
            text.push_str(&self.words[rank as usize]);
        }
        text.push('.');
    }
}

/// 30 files of 2 KB.
pub fn small(version: &str) -> Vec<u8> {
    (1..30)
        .fold(Archive::of_version("small", version), |archive, index| {
            archive.markdown(&format!("guides/{index}.md"), 2_000)
        })
        .finish()
}

/// 4 MiB, mostly Markdown and YAML.
pub fn text() -> Vec<u8> {
    let mut archive = Archive::new("text");
    for index in 0.. {
        if archive.len() >= LARGE {
            break;
        }
        archive = archive.markdown(&format!("guides/{index}.md"), 20_000).yaml(&format!("data/{index}.yaml"), 8_000);
        if index % 50 == 0 {
            archive = archive.noise(&format!("data/{index}.png"), 4_000);
        }
    }
    archive.finish()
}

/// 5,000 files of 1 KB.
pub fn many() -> Vec<u8> {
    let path = |index| format!("guides/{:02}/{index}.md", index / 100);
    (1..5_000).fold(Archive::new("many"), |archive, index| archive.markdown(&path(index), 1_000)).finish()
}

/// 4 MiB that hardly compress.
pub fn binary() -> Vec<u8> {
    (0..8)
        .fold(Archive::new("binary"), |archive, index| archive.noise(&format!("data/{index}.bin"), LARGE / 8))
        .finish()
}

/// As much as there may be in an upload and unpacked: 4.5 MB and 64 MiB.
pub fn largest() -> Vec<u8> {
    let contents = (64 << 20) - 16_384;
    let noise = 2_010_000;
    let rest = (0..4).fold(Archive::new("largest").noise("data/noise", noise), |archive, index| {
        archive.dense(&format!("data/{index}"), (contents - noise) / 4)
    });
    rest.finish()
}

/// As much as there may be of a pack that comes by way of S3, nearly, and unpacked: 256 MiB and 1 GiB.
pub fn largest_by_way_of_s3() -> Vec<u8> {
    let noise = (0..2).fold(Archive::new("largest-by-way-of-s3"), |archive, index| {
        archive.noise(&format!("data/{index}.noise"), 112 << 20)
    });
    (0..7).fold(noise, |archive, index| archive.dense(&format!("data/{index}.dense"), 113 << 20)).finish()
}
