TERM=${TERM:-xterm}; export TERM
PAGER=less; export PAGER
