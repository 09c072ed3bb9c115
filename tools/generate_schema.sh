#!/bin/sh
# Generates tcaffe/schema/caffe_pb2.py and .pyi from caffe.proto, with a compiler installed for the purpose and removed
# again. It is an old one: modules of newer compilers refuse every runtime older than themselves and the one after the
# next, those of this one run on protobuf 4.25 and all that have come since.
set -eu
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"${PYTHON:-python3}" -m venv "$place"
"$place/bin/pip" install -q 'grpcio-tools==1.62.3' 'setuptools<80'
"$place/bin/python" -m grpc_tools.protoc -I. --python_out=. --pyi_out=. tcaffe/schema/caffe.proto
