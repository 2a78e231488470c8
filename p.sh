export PYTHONPATH=/work/main:/work/main/backends/_sdk
exec /work/main/.venv-test/bin/python -m demod_voice "$@"
