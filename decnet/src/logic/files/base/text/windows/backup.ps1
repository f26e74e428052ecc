$cred = New-Object System.Management.Automation.PSCredential('svc_backup', (ConvertTo-SecureString '@{pass:svc}' -AsPlainText -Force))
Copy-Item C:\inetpub -Destination \\BACKUP01\daily -Recurse
