// Unpacks or writes archives with node-tar. Reads one job per line from standard input. Prints `ok` or an error
// for each job.
//   read: archive, directory
//   write: format, directory, archive
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const tar = createRequire(import.meta.url)('tar');

function read(file, cwd) {
    tar.x({ file, cwd, sync: true, preserveOwner: false });
}

function write(format, cwd, file) {
    tar.c({ file, cwd, sync: true, portable: format === 'portable', noPax: format === 'ustar' }, ['.']);
}

for await (const line of createInterface({ input: process.stdin })) {
    try {
        (process.argv[2] === 'read' ? read : write)(...line.split('\t'));
        console.log('ok');
    } catch (error) {
        console.log(String(error).replaceAll('\n', ' '));
    }
}
