"""`python -m tcaffe.cli`, for where the script `tcaffe` is not on the path."""

from tcaffe.cli.group import main

if __name__ == "__main__":
    main(prog_name="tcaffe")
