//! Commands about the machine, its users and its processes.

use super::Call;
use crate::logic::machine::{Hardware, Lan};
use crate::logic::persona::Family;

pub(super) fn run(name: &str, call: &mut Call<'_, '_>) -> bool {
    let decky = call.context.decky;
    match name {
        "@echo" | "echo" | "echo." => echo(call),
        "cls" => call.out.push_str("\u{1b}[H\u{1b}[2J"),
        "cmd" => {
            call.out = format!(
                "{}\n(c) Microsoft Corporation. All rights \
         reserved.\n",
                decky.persona.kernel_build
            )
        }
        "date" => call.out = call.context.now.format("The current date is: %a %m/%d/%Y \n"),
        "exit" | "logoff" => call.prompt.ended = Some(0),
        "help" => call.out.push_str(
            "For more information on a specific command, type HELP \
         command-name\nCD             Displays the name of or changes the current \
         directory.\nDIR            Displays a list of files and subdirectories in a \
         directory.\nTYPE           Displays the contents of a text file.\n",
        ),
        "hostname" => call.out = format!("{}\n", decky.hostname),
        "net" | "net1" => net(call),
        "powershell" | "pwsh" => call.out.push_str(
            "This program is blocked by group policy. For \
         more information, contact your system administrator.\n",
        ),
        "quser" | "query" => {
            call.out = format!(
                " USERNAME              SESSIONNAME        ID  STATE   IDLE TIME  LOGON \
                 TIME\n>{:<22}console             1  Active      none   {}\n",
                call.prompt.user,
                call.context.now.format("%m/%d/%Y %I:%M %p"),
            );
        }
        "reg" => call.out.push_str(
            "ERROR: The system was unable to find the specified registry \
         key or value.\n",
        ),
        "rem" | "start" | "title" | "color" | "chcp" | "attrib" | "icacls" | "takeown"
        | "cacls" => {}
        "sc" | "schtasks" | "wmic" | "bcdedit" | "vssadmin" | "wevtutil" => {
            call.out.push_str("ERROR: Access is denied.\n");
        }
        "set" => set(call),
        "shutdown" => call.out.push_str("Access is denied.(5)\n"),
        "systeminfo" => systeminfo(call),
        "taskkill" => call.out.push_str(
            "ERROR: The process could not be terminated.\nReason: \
         Access is denied.\n",
        ),
        "tasklist" => tasklist(call),
        "time" => call.out = call.context.now.format("The current time is: %H:%M:%S.41\n"),
        "ver" => call.out = format!("\n{}\n", decky.persona.kernel_build),
        "whoami" => whoami(call),
        _ => return false,
    }
    true
}

fn echo(call: &mut Call<'_, '_>) {
    let text = call.rest.strip_prefix(' ').unwrap_or(call.rest);
    call.out = match text.trim() {
        "" => "ECHO is on.\n".to_owned(),
        "on" | "off" => String::new(),
        _ => format!("{}\n", text.replace("^>", ">").replace("^&", "&")),
    };
}

fn whoami(call: &mut Call<'_, '_>) {
    let host = call.context.decky.hostname.to_lowercase();
    let user = call.prompt.user.to_lowercase();
    call.out = format!("{host}\\{user}\n");
    if call.args.iter().any(|arg| matches!(*arg, "/priv" | "/all")) {
        call.out += "\nPRIVILEGES INFORMATION\n----------------------\n\nPrivilege \
            Name                Description                    \
            State\n============================= ============================== \
            =======\nSeChangeNotifyPrivilege       Bypass traverse checking       \
            Enabled\nSeIncreaseWorkingSetPrivilege Increase a process working set Enabled\n";
    }
}

fn set(call: &mut Call<'_, '_>) {
    let names = [
        "APPDATA",
        "COMPUTERNAME",
        "COMSPEC",
        "OS",
        "PATH",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMDATA",
        "PUBLIC",
        "SYSTEMROOT",
        "TEMP",
        "USERDOMAIN",
        "USERNAME",
        "USERPROFILE",
        "WINDIR",
    ];
    let lines = names.iter().filter_map(|name| {
        let value = call.prompt.variable(name, call.context)?;
        Some(format!("{name}={value}\n"))
    });
    call.out = lines.collect();
}

fn net(call: &mut Call<'_, '_>) {
    let host = call.context.decky.hostname.clone();
    let words: Vec<String> = call.args.iter().map(|word| word.to_ascii_lowercase()).collect();
    call.out = match words.first().map(String::as_str) {
        Some("user") if words.len() == 1 => format!(
            "\nUser accounts for \\\\{host}\n\n\
             -------------------------------------------------------------------------------\n\
             Administrator            DefaultAccount           \
             Guest                    \nsvc_backup               WDAGUtilityAccount       \nThe \
             command completed successfully.\n\n"
        ),
        Some("user") if words.iter().any(|word| word == "/add") => {
            "The command completed successfully.\n\n".to_owned()
        }
        Some("user") => "The user name could not be found.\n\nMore help is available by typing \
            NET HELPMSG 2221.\n\n".to_owned(),
        Some("localgroup") if words.iter().any(|word| word == "/add") => {
            "The command completed successfully.\n\n".to_owned()
        }
        Some("localgroup") => format!(
            "\nAliases for \\\\{host}\n\n\
             -------------------------------------------------------------------------------\n\
             *Administrators\n*Backup Operators\n*Guests\n*Remote Desktop Users\n*Users\nThe \
             command completed successfully.\n\n"
        ),
        Some("view" | "use" | "session") => "There are no entries in the list.\n\n".to_owned(),
        Some("share") => "\nShare name   Resource                        \
            Remark\n\n-------------------------------------------------------------------------------\nC$           C:\\                             Default share                     \nIPC$                                         Remote IPC                        \nADMIN$       C:\\Windows                      Remote Admin                      \nThe command completed successfully.\n\n".to_owned(),
        Some("start") if words.len() == 1 => "These Windows services are started:\n\n   DHCP \
            Client\n   DNS Client\n   Windows Event Log\n   Workstation\n\nThe command completed \
            successfully.\n\n".to_owned(),
        Some("start" | "stop") => "System error 5 has occurred.\n\nAccess is \
            denied.\n\n".to_owned(),
        _ => "The syntax of this command is:\n\nNET\n    [ ACCOUNTS | COMPUTER | CONFIG | \
            CONTINUE | FILE | GROUP | HELP |\n      HELPMSG | LOCALGROUP | PAUSE | SESSION | \
            SHARE | START |\n      STATISTICS | STOP | TIME | USE | USER | VIEW ]\n\n".to_owned(),
    };
}

fn tasklist(call: &mut Call<'_, '_>) {
    let rows = [
        ("System Idle Process", 0, 8),
        ("System", 4, 144),
        ("Registry", 92, 68_412),
        ("smss.exe", 356, 1_204),
        ("csrss.exe", 456, 5_412),
        ("wininit.exe", 532, 6_904),
        ("services.exe", 604, 9_876),
        ("lsass.exe", 624, 18_220),
        ("svchost.exe", 744, 28_116),
        ("svchost.exe", 868, 14_332),
        ("MsMpEng.exe", 2_312, 214_608),
        ("sshd.exe", 2_840, 8_932),
        ("cmd.exe", 5_104, 4_412),
        ("tasklist.exe", 5_236, 9_104),
    ];
    call.out = "\nImage Name                     PID Session Name        Session#    Mem \
        Usage\n========================= ======== ================ =========== \
        ============\n"
        .to_owned();
    for (name, pid, kib) in rows {
        let size = super::files::grouped(kib);
        call.out += &format!("{name:<25} {pid:>8} Services                   0 {size:>10} K\n");
    }
}

fn systeminfo(call: &mut Call<'_, '_>) {
    let decky = call.context.decky;
    let hardware = Hardware::of(decky.persona);
    let server = decky.persona.family == Family::WindowsServer;
    let installed = crate::logic::files::installed(decky);
    let build = decky.persona.kernel.split('.').nth(2).unwrap_or_default();
    let [a, b, c, ..] = decky.secret.derive("product id").0;
    let (model, stepping) = hardware.model;
    let mib = hardware.memory_kib / 1024;
    call.out = format!(
        "\nHost Name:                 {}\nOS Name:                   {}\nOS \
         Version:                10.0.{build} N/A Build {build}\nOS Manufacturer:           \
         Microsoft Corporation\nOS Configuration:          Standalone {}\nOS Build \
         Type:             Multiprocessor Free\nRegistered Owner:          Windows User\nProduct \
         ID:                00454-{a:03}{b:02}-00001-AA{c:03}\nOriginal Install Date:     \
         {}\nSystem Boot Time:          {}\nSystem Manufacturer:       {}\nSystem \
         Model:              {}\nSystem Type:               x64-based \
         PC\nProcessor(s):              1 Processor(s) Installed.\n                           \
         [01]: Intel64 Family 6 Model {model} Stepping {stepping} GenuineIntel ~{} Mhz\nWindows \
         Directory:         C:\\Windows\nSystem Directory:          C:\\Windows\\system32\nTime \
         Zone:                 (UTC) Coordinated Universal Time\nTotal Physical Memory:     {} \
         MB\nAvailable Physical Memory: {} MB\nDomain:                    WORKGROUP\nLogon \
         Server:              \\\\{}\nNetwork Card(s):           1 NIC(s) \
         Installed.\n                           [01]: Ethernet\n                                 \
         IP address(es)\n                                 [01]: {}\n",
        decky.hostname,
        decky.persona.system.trim_end_matches(" 22H2"),
        if server { "Server" } else { "Workstation" },
        installed.format("%m/%d/%Y, %I:%M:%S %p"),
        decky.booted.format("%m/%d/%Y, %I:%M:%S %p"),
        hardware.maker,
        hardware.product,
        hardware.mhz,
        super::files::grouped(mib),
        super::files::grouped(mib * 7 / 10),
        decky.hostname,
        decky.ip,
    );
}

/// The LAN that the decky says it is on.
pub(super) fn lan(call: &Call<'_, '_>) -> Lan {
    Lan::of(call.context.decky)
}
