HOME=/root
export HOME
TERM=${TERM:-xterm}
export TERM
PAGER=less
export PAGER
