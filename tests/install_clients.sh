#!/bin/sh
# Installs the S3 clients of the end-to-end tests where that is allowed; never fails.
debian() {
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
    [ -z "$missing" ] && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "Not installed, their tests will be skipped:$missing"
        return
    fi
    export DEBIAN_FRONTEND=noninteractive
    install() { apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1; }
    install || { apt-get update -q >/dev/null 2>&1 && install; } ||
        echo "apt-get could not install, their tests will be skipped:$missing"
}

# The versions that package-lock.json names, with its hashes; again only when it changed.
javascript() {
    cd "$(dirname "$0")/end_to_end/javascript" || return
    cmp -s package-lock.json node_modules/installed.json && return
    if ! { node --version && npm --version; } >/dev/null 2>&1; then
        echo 'No node with npm, the tests of minio-js and @aws-sdk/client-s3 will be skipped'
        return
    fi
    npm ci >/dev/null 2>&1 && cp package-lock.json node_modules/installed.json ||
        echo 'npm could not install, the tests of minio-js and @aws-sdk/client-s3 will be skipped'
}

debian
javascript
exit 0
