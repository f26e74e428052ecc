apt update && apt upgrade -y
systemctl status cron
df -h
vi /opt/backup/backup.sh
/opt/backup/backup.sh
ls -lh /var/backups
ssh -i /root/.ssh/id_ed25519 backup@backup01
crontab -l
mysql -h db01 -u app -p
cat /home/@{user}/app/.env
journalctl -u ssh --since today
last
passwd @{user}
exit
