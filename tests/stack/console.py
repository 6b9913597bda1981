"""Runs the console blocks of a Markdown document in one shell."""

import re
import subprocess
import tempfile

MARK = "__block_ended__"


def blocks(document):
    """Yields the heading and the commands of each console block."""
    heading, lines = "", None
    for line in document.splitlines():
        if line.startswith("#") and lines is None:
            heading = line.lstrip("# ")
        elif line == "```console":
            lines = []
        elif line == "```" and lines is not None:
            yield heading, "\n".join(re.sub(r"^\$ ", "", each) for each in lines)
            lines = None
        elif lines is not None:
            lines.append(line)


class Shell:
    """A shell that keeps its functions and variables from one block to the next."""

    def __init__(self, directory, env):
        self.bash = subprocess.Popen(
            ["bash"],
            cwd=directory,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.script = tempfile.NamedTemporaryFile("w", suffix=".sh")
        self.run("set -Euo pipefail; trap 'failed=${failed:-$BASH_COMMAND}' ERR")

    def run(self, commands):
        """Runs commands and returns what they print. Fails if one of them fails."""
        self.script.seek(0)
        self.script.truncate()
        self.script.write(commands)
        self.script.flush()
        self.bash.stdin.write(f"failed=; . {self.script.name} </dev/null; printf '\\n%s %s\\n' {MARK} \"$failed\"\n")
        self.bash.stdin.flush()
        output = []
        for line in self.bash.stdout:
            if line.startswith(MARK):
                failed = line.removeprefix(MARK).strip()
                text = "".join(output).removesuffix("\n")
                assert not failed, f"`{failed}` failed in:\n{commands}\n{text}"
                return text
            output.append(line)
        raise AssertionError(f"the shell ended in:\n{commands}\n{''.join(output)}")

    def stop(self):
        self.bash.stdin.close()
        self.bash.wait(10)


class Document:
    """The console blocks of a document. Each must be run, or skipped with a reason."""

    def __init__(self, path, shell):
        self.shell = shell
        self.pending = list(blocks(path.read_text()))
        self.path = path

    def take(self, heading):
        found = next((block for block in self.pending if block[0].startswith(heading)), None)
        assert found, f"{self.path.name} has no further block under {heading}"
        self.pending.remove(found)
        return found[1]

    def run(self, heading, before="", replace=()):
        """Runs the next block under a heading and returns what it prints. Runs the commands in `before` first.

        Each pair in `replace` is a string in the block and its replacement.
        """
        print(f"-- {self.path.name}: {heading}", flush=True)
        commands = self.take(heading)
        for old, new in replace:
            assert old in commands, f"no `{old}` in:\n{commands}"
            commands = commands.replace(old, new)
        return self.shell.run(f"{before}\n{commands}")

    def skip(self, heading, reason):
        commands = self.take(heading)
        first = commands.splitlines()[0]
        print(f"-- {self.path.name}: {heading}: not run, because {reason}:\n   {first} …", flush=True)

    def finish(self):
        assert not self.pending, f"{self.path.name} has blocks that were neither run nor skipped: {self.pending}"
