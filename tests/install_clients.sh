#!/bin/sh
# Installs the S3 clients of the end-to-end tests where that is allowed; never fails.
packages='awscli rclone s3cmd restic'
missing=''
for package in $packages; do
    # Run, not only found: a version manager's shim is found and does not run.
    case $package in
        awscli) aws --version ;;
        restic) restic version ;;
        *) "$package" --version ;;
    esac >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed, their tests will be skipped:$missing"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1; }
install || { apt-get update -q >/dev/null 2>&1 && install; } ||
    echo "apt-get could not install, their tests will be skipped:$missing"
exit 0
