#!/bin/sh
FTP_USER=backup
FTP_PASS='@{pass:backup}'
tar czf /var/backups/etc.tgz /etc
