"""Makes a process call the kernel, as whoever has taken it over could: PID, number, arguments.

Prints what the call returns. For x86-64: the process is stopped, in a call or outside of one, and the
two bytes at its instruction pointer are run as `syscall`.
"""
import ctypes, os, sys

ATTACH, DETACH, STEP, GET, SET, PEEK, POKE = 16, 17, 9, 12, 13, 1, 4
NAMES = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base "
    "gs_base ds es fs gs"
).split()
SYSCALL = 0x050F


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def trace(request, address=None, data=None):
    ctypes.set_errno(0)
    result = libc.ptrace(request, pid, address, data)
    if result == -1 and ctypes.get_errno():
        sys.exit(f"ptrace {request}: {os.strerror(ctypes.get_errno())}")
    return result


pid, number, *arguments = (int(word) for word in sys.argv[1:])
trace(ATTACH)
os.waitpid(pid, 0x40000000)
before, now = Registers(), Registers()
trace(GET, None, ctypes.addressof(before))
ctypes.memmove(ctypes.addressof(now), ctypes.addressof(before), ctypes.sizeof(before))
word = trace(PEEK, before.rip)
trace(POKE, before.rip, (word & ~0xFFFF | SYSCALL) & 0xFFFFFFFFFFFFFFFF)
now.rax, now.orig_rax = number, 0xFFFFFFFFFFFFFFFF
for register, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), arguments):
    setattr(now, register, value & 0xFFFFFFFFFFFFFFFF)
trace(SET, None, ctypes.addressof(now))
trace(STEP)
os.waitpid(pid, 0x40000000)
trace(GET, None, ctypes.addressof(now))
trace(POKE, before.rip, word & 0xFFFFFFFFFFFFFFFF)
trace(SET, None, ctypes.addressof(before))
trace(DETACH)
print(ctypes.c_longlong(now.rax).value)
