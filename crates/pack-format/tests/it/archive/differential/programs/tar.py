# Writes archives with Python's tarfile. Reads one job per line from standard input. Prints `ok` or an error for each
# job.
#   write: format, directory, archive
import sys
import tarfile

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}

for line in sys.stdin:
    name, directory, archive = line.rstrip("\n").split("\t")
    try:
        with tarfile.open(archive, "w", format=FORMATS[name]) as tar:
            tar.add(directory, arcname="")
        print("ok")
    except Exception as error:
        print(repr(error))
