#!/usr/bin/env bash
# Installs the PACS that the network tests talk to, without letting its daemon start: the tests
# start their own, on their own ports, and stop it again.
set -euo pipefail
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  orthanc orthanc-dicomweb dcmtk
