// Unpacks or writes archives with commons-compress. Reads one job per line from standard input. Prints `ok` or an error
// for each job.
//   read: archive, directory
//   write: format, directory, archive
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

class Tar {
    public static void main(String[] args) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] job = line.split("\t");
            try {
                if (args[0].equals("read")) {
                    read(Path.of(job[0]), Path.of(job[1]));
                } else {
                    write(job[0], Path.of(job[1]), Path.of(job[2]));
                }
                System.out.println("ok");
            } catch (Exception error) {
                System.out.println(error.toString().replace('\n', ' '));
            }
        }
    }

    static void read(Path archive, Path directory) throws Exception {
        var input = new BufferedInputStream(Files.newInputStream(archive));
        try (var tar = new TarArchiveInputStream(input, "UTF-8")) {
            for (TarArchiveEntry entry = tar.getNextTarEntry(); entry != null; entry = tar.getNextTarEntry()) {
                Path path = directory.resolve("./" + entry.getName()).normalize();
                if (entry.isDirectory()) {
                    Files.createDirectories(path);
                    continue;
                }
                Files.createDirectories(path.getParent());
                if (!entry.isFile() || entry.isSymbolicLink() || entry.isLink()) {
                    path = Path.of(path + ".other-type");
                }
                Files.copy(tar, path);
                String mode = (entry.getMode() & 0111) != 0 ? "rwx------" : "rw-------";
                Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
            }
        }
    }

    static void write(String format, Path directory, Path archive) throws Exception {
        try (var tar = new TarArchiveOutputStream(Files.newOutputStream(archive), "UTF-8");
                var walk = Files.walk(directory)) {
            if (format.equals("gnu")) {
                tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_GNU);
            } else if (format.equals("posix")) {
                tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
                tar.setAddPaxHeadersForNonAsciiNames(true);
            }
            List<Path> paths = walk.filter(path -> !path.equals(directory)).sorted().collect(Collectors.toList());
            for (Path path : paths) {
                var entry = new TarArchiveEntry(path.toFile(), directory.relativize(path).toString());
                if (Files.isExecutable(path) && !Files.isDirectory(path)) {
                    entry.setMode(0100755);
                }
                tar.putArchiveEntry(entry);
                if (Files.isRegularFile(path)) {
                    Files.copy(path, tar);
                }
                tar.closeArchiveEntry();
            }
        }
    }
}
