#!/usr/bin/env python3
"""Makes a series of versions of a sandbox root, as benchmarks and the study of chunk sizes need one: a Debian root (gcc,
git, python3), numpy, scipy, pandas and matplotlib in changing versions, and a source tree at as many releases.

make_series.py DIR [--versions 9]      root only; makes DIR/v1 … DIR/v9, each whole and by itself; about 0.8 GB each

Packages come from Debian and PyPI through debootstrap and pip. A version that is there already is kept."""
import argparse
import os
import shutil
import subprocess
import sys
import zipfile

WHEELS = {
    "numpy": "1.24.4 1.25.2 1.26.0 1.26.1 1.26.2 1.26.3 1.26.4 2.0.0 2.0.1",
    "scipy": "1.10.1 1.11.1 1.11.2 1.11.3 1.11.4 1.12.0 1.13.0 1.13.1 1.14.0",
    "pandas": "2.0.3 2.1.0 2.1.1 2.1.2 2.1.3 2.1.4 2.2.0 2.2.1 2.2.2",
    "matplotlib": "3.7.2 3.7.3 3.8.0 3.8.1 3.8.2 3.8.3 3.8.4 3.9.0 3.9.1",
}
SOURCE = ("Django", "4.2.1 4.2.2 4.2.3 4.2.4 4.2.5 4.2.6 4.2.7 4.2.8 4.2.9")
SITE = "opt/venv/lib/python3.11/site-packages"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"make_series: {' '.join(command)} failed:\n{done.stdout[-2000:]}")


def base(directory):
    if os.path.exists(directory):
        return
    if shutil.which("debootstrap") is None:
        run("apt-get", "install", "-y", "--no-install-recommends", "debootstrap")
    part = directory + ".part"
    shutil.rmtree(part, ignore_errors=True)
    run("debootstrap", "--variant=minbase", "--include=gcc,git,python3,python3-venv,libc6-dev,ca-certificates", "stable",
        part)
    shutil.rmtree(part + "/var/cache/apt/archives", ignore_errors=True)
    os.rename(part, directory)


def fetch(cache, name, version, *options):
    """The downloaded file of one release."""
    folder = os.path.join(cache, f"{name}-{version}")
    if not os.path.isdir(folder):
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder + ".part", *options,
            f"{name}=={version}")
        os.rename(folder + ".part", folder)
    return os.path.join(folder, os.listdir(folder)[0])


def version(number, root, cache, out):
    target = os.path.join(out, f"v{number + 1}")
    if os.path.exists(target):
        return
    part = target + ".part"
    shutil.rmtree(part, ignore_errors=True)
    run("cp", "-a", root, part)
    site = os.path.join(part, SITE)
    os.makedirs(site)
    for name, versions in WHEELS.items():
        wheel = fetch(cache, name, versions.split()[number], "--only-binary=:all:", "--python-version=3.11",
                      "--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64")
        zipfile.ZipFile(wheel).extractall(site)
    name, versions = SOURCE
    source = fetch(cache, name, versions.split()[number], "--only-binary=:all:")
    zipfile.ZipFile(source).extractall(os.path.join(part, "usr/src/django"))
    os.rename(part, target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--versions", type=int, default=9, choices=range(1, 10), metavar="1…9")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make_series: run it as root: debootstrap needs it")
    cache = os.path.join(options.directory, "cache")
    os.makedirs(cache, exist_ok=True)
    root = os.path.join(options.directory, "base")
    base(root)
    for number in range(options.versions):
        version(number, root, cache, options.directory)
        print(f"{options.directory}/v{number + 1}", flush=True)


if __name__ == "__main__":
    main()
