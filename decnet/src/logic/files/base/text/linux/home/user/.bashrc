case $- in
    *i*) ;;
      *) return;;
esac
HISTCONTROL=ignoreboth
HISTSIZE=1000
alias ll='ls -alF'
alias la='ls -A'
