#!/usr/bin/env bash
# Fits on FER2013's Training part and measures on its test faces (PublicTest, and PrivateTest where
# the data have it):
#
#   experiments/official_split.sh fer2013.zip work/ [MEMBERS]
#
# Leaves the ensemble in work/model and the figures in work/official_split.json. An interrupted run
# goes on from the members that are done when it is started again.
set -euo pipefail
data=${1:?usage: $0 DATA WORK [MEMBERS]}
work=${2:?usage: $0 DATA WORK [MEMBERS]}
members=${3:-cnn_2,dense_hog,boosted_hog}
if [ ! -f "$work/model/manifest.json" ]; then
  fer-ensemble fit "$data" --members "$members" --out "$work/model" --seed 0 --resume
fi
fer-ensemble evaluate "$data" --model "$work/model" --split test --json "$work/official_split.json"
