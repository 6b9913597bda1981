//! Generates packs for benchmarks and tests. The seed is fixed, so each run uses the same bytes. The files are sorted
//! by path, as in archives from `packs archive`.

use flate2::{Compression, write::GzEncoder};

use crate::{archive::Archive, manifest::manifest};

const SEED: u64 = 0x9ac4_0b1e;
/// The approximate size of the archives from [`text`] and [`binary`], in bytes.
const ARCHIVE_SIZE: usize = 4 << 20;

/// A builder for an archive of generated files. It compresses the files as they are added.
struct Generator {
    archive: Archive<GzEncoder<Vec<u8>>>,
    manifest: String,
    random: fastrand::Rng,
    words: Vec<String>,
}

impl Generator {
    /// Starts a pack. [`Self::tar_gz`] adds its `pack.yaml`.
    fn new(name: &str, version: &str) -> Self {
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut letters = |length| (0..length).map(|_| random.lowercase()).collect::<String>();
        let words = (0..4_000).map(|index| letters(2 + index % 9)).collect();
        let archive = Archive::with_writer(GzEncoder::new(Vec::new(), Compression::default()));
        Self { archive, manifest: manifest(name, version), random, words }
    }

    fn file(self, path: &str, content: &[u8]) -> Self {
        Self { archive: self.archive.file(path, content), ..self }
    }

    /// Adds `length` bytes of Markdown.
    fn markdown(mut self, path: &str, length: usize) -> Self {
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

    /// Adds `length` bytes of YAML.
    fn yaml(mut self, path: &str, length: usize) -> Self {
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

    /// Adds `length` random bytes, which do not compress.
    fn noise(mut self, path: &str, length: usize) -> Self {
        let mut bytes = vec![0; length];
        self.random.fill(&mut bytes);
        self.file(path, &bytes)
    }

    /// Adds `length` bytes that compress to about 4 percent of their size.
    fn compressible(mut self, path: &str, length: usize) -> Self {
        let mut bytes = Vec::with_capacity(length + 512);
        while bytes.len() < length {
            let chunk: [u8; 16] = self.random.u128(..).to_ne_bytes();
            (0..32).for_each(|_| bytes.extend_from_slice(&chunk));
        }
        bytes.truncate(length);
        self.file(path, &bytes)
    }

    /// Appends a sentence of 4 to 15 words. The earlier a word is in the list, the more often it is used.
    fn sentence(&mut self, text: &mut String) {
        for index in 0..4 + self.random.usize(..12) {
            let rank = self.random.f64().powi(4) * self.words.len() as f64;
            text.push_str(if index == 0 { "" } else { " " });
            text.push_str(&self.words[rank as usize]);
        }
        text.push('.');
    }

    /// Returns the size of the archive so far, in bytes, without what the compressor still buffers.
    fn compressed_len(&self) -> usize {
        self.archive.writer().get_ref().len()
    }

    fn tar_gz(self) -> Vec<u8> {
        self.archive.file("pack.yaml", self.manifest.as_bytes()).finish().finish().unwrap()
    }
}

/// Returns a pack of 30 files: `pack.yaml` and 29 files of 2 KB each.
pub fn small(version: &str) -> Vec<u8> {
    (1..30)
        .fold(Generator::new("small", version), |pack, index| pack.markdown(&format!("guides/{index:02}.md"), 2_000))
        .tar_gz()
}

/// Returns a pack that is mostly Markdown and YAML, about 4 MiB when compressed.
pub fn text() -> Vec<u8> {
    let mut pack = Generator::new("text", "1.0.0");
    for index in 0.. {
        if pack.compressed_len() >= ARCHIVE_SIZE {
            break;
        }
        pack = pack.markdown(&format!("guides/{index:04}.md"), 20_000);
        if index % 50 == 0 {
            pack = pack.noise(&format!("guides/{index:04}.png"), 4_000);
        }
        pack = pack.yaml(&format!("guides/{index:04}.yaml"), 8_000);
    }
    pack.tar_gz()
}

/// Returns a pack of 5,000 files: `pack.yaml` and 4,999 files of 1 KB each.
pub fn many() -> Vec<u8> {
    let path = |index| format!("guides/{:02}/{index:04}.md", index / 100);
    (1..5_000).fold(Generator::new("many", "1.0.0"), |pack, index| pack.markdown(&path(index), 1_000)).tar_gz()
}

/// Returns a pack of 4 MiB of random bytes, which do not compress.
pub fn binary() -> Vec<u8> {
    (0..8)
        .fold(Generator::new("binary", "1.0.0"), |pack, index| {
            pack.noise(&format!("data/{index}.bin"), ARCHIVE_SIZE / 8)
        })
        .tar_gz()
}

/// Returns a pack just below the default limits for an archive in a request: 4.5 MB compressed and 64 MiB unpacked.
pub fn largest_in_request() -> Vec<u8> {
    let contents = (64 << 20) - 16_384;
    let noise = 2_010_000;
    let pack = Generator::new("largest", "1.0.0").noise("data/0.noise", noise);
    (1..=4).fold(pack, |pack, index| pack.compressible(&format!("data/{index}.dense"), (contents - noise) / 4)).tar_gz()
}

/// Returns a pack just below the default limits for an archive sent to S3: 256 MiB compressed and 1 GiB unpacked.
pub fn largest_through_s3() -> Vec<u8> {
    let pack = (0..2).fold(Generator::new("largest-through-s3", "1.0.0"), |pack, index| {
        pack.noise(&format!("data/{index}.noise"), 112 << 20)
    });
    (2..9).fold(pack, |pack, index| pack.compressible(&format!("data/{index}.dense"), 113 << 20)).tar_gz()
}
