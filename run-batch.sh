#!/bin/bash
# CT triage of a folder of ZIPs: in Docker where that runs, else with the program built here.
set -u

usage() {
    cat <<'END'
usage: ./run-batch.sh [INPUT [OUTPUT]] [-- OPTIONS]

  INPUT    folder with ZIP files of DICOM (default: $INPUT_DIR, else ./input); only read
  OUTPUT   folder for the table and what belongs to each study (default: $OUTPUT_DIR, else ./output); made when missing
  OPTIONS  go to `gantry predict`: --workers 2, --model NAME, --truth FILE.csv, --plain, ... (gantry help predict)

Docker is used when its daemon answers (image radiassist-batch, built from docker/Dockerfile when it is not there; GPUs are
passed on when there are any). Otherwise the program runs directly: $GANTRY, build/gantry beside this script, or gantry on
the PATH. RUN_WITH=docker or RUN_WITH=program decides it by hand. A call that was interrupted goes on when it is repeated:
its state lies in OUTPUT/.gantry-state ($GANTRY_HOME moves it).
Exit status: 0 all studies classified, 1 some failed, 2 bad usage, 3 no ZIP files, 4 cannot read or write.
END
}

fail() {
    local status=$1
    shift
    printf '❌ %s\n' "$*" >&2
    exit "$status"
}

here=$(cd "$(dirname "$0")" && pwd) || exit 4
image=${GANTRY_IMAGE:-radiassist-batch}
folders=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --)
        shift
        break
        ;;
    -*) fail 2 "unknown option $1 (./run-batch.sh --help; options of gantry predict stand behind --)" ;;
    *) folders+=("$1") ;;
    esac
    shift
done
[ ${#folders[@]} -le 2 ] || fail 2 "two folders at most: INPUT and OUTPUT (./run-batch.sh --help)"
input=${folders[0]:-${INPUT_DIR:-./input}}
output=${folders[1]:-${OUTPUT_DIR:-./output}}

[ -d "$input" ] || fail 4 "There is no folder $input"
first=$(find -L "$input" -type f -iname '*.zip' -print -quit 2>/dev/null)
[ -n "$first" ] || fail 3 "No ZIP files found in $input"
mkdir -p "$output" 2>/dev/null
[ -w "$output" ] || fail 4 "Permission denied: $output"
input=$(cd "$input" && pwd) && output=$(cd "$output" && pwd) || exit 4

gpus=()
if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
    echo "GPU: $(nvidia-smi -L | head -n 1)"
    gpus=(--gpus all)
else
    echo "GPU: none found, the CPU computes"
fi

docker_runs() {
    command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1
}

with_docker() {
    local name=radiassist-batch terminal=()
    docker image inspect "$image" >/dev/null 2>&1 ||
        docker build -t "$image" -f "$here/docker/Dockerfile" "$here" || fail 5 "the image $image could not be built"
    # a second call at the same time needs a name of its own
    [ -z "$(docker ps -aq --filter "name=^$name\$")" ] || name=radiassist-batch-$$
    [ -t 0 ] && [ -t 1 ] && terminal=(-it)
    exec docker run --rm "${terminal[@]}" --name "$name" --user "$(id -u):$(id -g)" "${gpus[@]}" \
        -e LANG=C.UTF-8 -e GANTRY_HOME=/data/output/.gantry-state \
        -v "$input:/data/input:ro" -v "$output:/data/output" \
        "$image" predict --input /data/input --output /data/output "$@"
}

program() {
    local candidate
    for candidate in "${GANTRY:-}" "$here/build/gantry"; do
        [ -n "$candidate" ] && [ -x "$candidate" ] && echo "$candidate" && return
    done
    command -v gantry
}

with_program() {
    export GANTRY_HOME=${GANTRY_HOME:-$output/.gantry-state}
    exec "$gantry" predict --input "$input" --output "$output" "$@"
}

gantry=$(program)
case ${RUN_WITH:-} in
docker)
    docker_runs || fail 5 "Docker does not answer (docker info says why)"
    with_docker "$@"
    ;;
program)
    [ -n "$gantry" ] || fail 5 "there is no gantry: make demo builds it, or set GANTRY"
    with_program "$@"
    ;;
'')
    if docker_runs; then
        with_docker "$@"
    fi
    [ -n "$gantry" ] || fail 5 "neither Docker answers nor is gantry built here (make demo builds it)"
    echo "Docker does not answer: running $gantry"
    with_program "$@"
    ;;
*) fail 2 "RUN_WITH is docker or program, not $RUN_WITH" ;;
esac
