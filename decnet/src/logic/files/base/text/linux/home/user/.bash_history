sudo -i
cd app
ls -la
vi .env
docker compose ps
git pull
tail -f /var/log/syslog
scp dump.sql.gz backup@backup01:/srv/backup/
exit
