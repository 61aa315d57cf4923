# ruff: noqa: E501 - programs, one a line
"""Small programs that try to get out. Each prints ESCAPED when it has done what it must not be able to do.

They are run twice: in the sandbox, where each must meet the refusal that is named, and without it (`control`), where
each must succeed. So an attack that fails for a reason of its own protects nobody and is noticed. `{names}` are filled
in by the tests: `{secret}` a file of the studio, `{library}` a folder that programs may read as they may read the
interpreter's libraries, `{victim}` another process of the same user, `{port}` and `{socket}` servers that listen.
"""

from __future__ import annotations

from dataclasses import dataclass

CTYPES = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
SYSCALL = (
    CTYPES
    + "def call(*a):\n"
    + "    r = libc.syscall(*a)\n"
    + "    if r < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))\n"
    + "    return r\n"
)


@dataclass(frozen=True, slots=True)
class Attack:
    """A program, what it must meet, and whether it can be tried without the sandbox on this machine."""

    name: str
    program: str
    meets: str = "PermissionError"
    control: bool = True
    """Whether it is harmless outside. Those that are not would hurt this machine or its other processes."""
    control_needs: str = ""
    """"root", or a module: what the control cannot do without."""

    def __str__(self) -> str:
        return self.name


ATTACKS = [
    # --- files
    Attack("read a system file", "print('ESCAPED', open('/etc/passwd').read(9))"),
    Attack("read a file of the studio", "print('ESCAPED', open('{secret}').read())"),
    Attack("read by a symbolic link", "import os\nos.symlink('{secret}', 'l')\nprint('ESCAPED', open('l').read())"),
    Attack(
        "read by a hard link",
        "import os\nos.link('{secret}', 'l')\nprint('ESCAPED', open('l').read())",
        meets="cross-device",
    ),
    Attack(
        "read by a descriptor of the folder above",
        "import os\nd = os.open('..', os.O_RDONLY)\nprint('ESCAPED', os.listdir(d))",
    ),
    Attack("list the root", "import os\nprint('ESCAPED', os.listdir('/'))"),
    Attack("list processes", "import os\nprint('ESCAPED', os.listdir('/proc'))"),
    Attack("read its own environment", "print('ESCAPED', open('/proc/self/environ').read(9))"),
    Attack("read its own command line", "print('ESCAPED', open('/proc/self/cmdline').read(9))"),
    Attack("read another's environment", "print('ESCAPED', open('/proc/{victim}/environ').read(9))"),
    Attack("read another's memory", "print('ESCAPED', open('/proc/{victim}/mem', 'rb'))", control_needs="root"),
    Attack("where another works", "import os\nprint('ESCAPED', os.readlink('/proc/{victim}/cwd'))"),
    Attack("a device", "print('ESCAPED', open('/dev/kmsg', 'rb').fileno())", control_needs="root"),
    Attack("write beside its folder", "print('ESCAPED', open('{outside}/new', 'w').write('x'))"),
    Attack("write a file of the studio", "print('ESCAPED', open('{secret}', 'a').write(''))"),
    Attack("write into a library", "print('ESCAPED', open('{library}/module.py', 'a').write('x = 1'))"),
    Attack("make a file in a library", "print('ESCAPED', open('{library}/other.py', 'w').write('x = 1'))"),
    Attack("empty a library's file", "import os\nos.truncate('{library}/module.py', 0)\nprint('ESCAPED')"),
    Attack(
        "empty a library's file by opening it to read",
        "import os\nos.open('{library}/module.py', os.O_RDONLY | os.O_TRUNC)\nprint('ESCAPED')",
    ),
    Attack("remove a library's file", "import os\nos.unlink('{library}/module.py')\nprint('ESCAPED')"),
    Attack("move a library's file", "import os\nos.rename('{library}/module.py', '{library}/m.py')\nprint('ESCAPED')"),
    Attack(
        "own a library's file",
        "import os\nos.chown('{library}/module.py', 1, 1)\nprint('ESCAPED')",
        control_needs="root",
    ),
    Attack(
        "mark a library's file",
        "import os\nos.setxattr('{library}/module.py', 'user.mark', b'x')\nprint('ESCAPED')",
        meets="not supported",
        control=False,  # not every file system has them
    ),
    # These two pretend to work, so that shutil and zipfile do: the program must find that nothing has changed.
    Attack(
        "close a library's file to everybody",
        "import os\nos.chmod('{library}/module.py', 0)\nos.fchmod(os.open('{library}/module.py', 0), 0)\n"
        "assert os.stat('{library}/module.py').st_mode & 0o777, 'unchanged'\n",
        meets="",
        control=False,
    ),
    Attack(
        "date a library's file back",
        "import os\nos.utime('{library}/module.py', (1, 1))\n"
        "if os.stat('{library}/module.py').st_mtime == 1: print('ESCAPED')\nraise ValueError('unchanged')",
        meets="unchanged",
    ),
    Attack("a named pipe", "import os\nos.mkfifo('pipe')\nprint('ESCAPED')"),
    Attack(
        "a device node",
        "import os, stat\nos.mknod('null', stat.S_IFCHR | 0o600, os.makedev(1, 3))\nprint('ESCAPED')",
        control_needs="root",
    ),
    # --- what it was given
    Attack(
        "a secret of the environment", "import os\nprint('ESCAPED', os.environ['STUDIOLO_SECRET'])", meets="KeyError"
    ),
    Attack(
        "what the C library knows of the environment",
        CTYPES
        + "libc.getenv.restype = ctypes.c_char_p\nv = libc.getenv(b'STUDIOLO_SECRET')\nassert v, 'not there'\nprint('ESCAPED', v)",
        meets="not there",
    ),
    Attack(
        "an inherited descriptor",
        "import os\nfor n in range(3, 1024):\n    try:\n        os.lseek(n, 0, 0)\n        if b'secret' in os.read(n, 99): print('ESCAPED')\n"
        "    except OSError: pass\nraise ValueError('none')",
        meets="none",
    ),
    Attack(
        "standard input",
        "import sys\nassert sys.stdin.read(), 'nothing to read'\nprint('ESCAPED')",
        meets="nothing to read",
    ),
    # --- the network
    Attack("TCP", "import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\nprint('ESCAPED')"),
    Attack(
        "HTTP",
        "import urllib.request\nprint('ESCAPED', urllib.request.urlopen('http://127.0.0.1:{port}/'))",
        meets="not permitted",
    ),
    Attack(
        "UDP",
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))\nprint('ESCAPED')",
    ),
    Attack("IPv6", "import socket\nsocket.socket(socket.AF_INET6)\nprint('ESCAPED')"),
    Attack("listening", "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\nprint('ESCAPED')"),
    Attack(
        "a unix socket",
        "import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.connect('{socket}')\nprint('ESCAPED')",
    ),
    Attack(
        "a unix socket by one end of a pair",
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendto(b'x', '{socket}')\nprint('ESCAPED')",
    ),
    Attack(
        "a message by one end of a pair",
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendmsg([b'x'], [], 0, '{socket}')\nprint('ESCAPED')",
    ),
    Attack(
        "an abstract socket",
        "import socket\nsocket.socket(socket.AF_UNIX).bind('\\0studiolo-attack')\nprint('ESCAPED')",
    ),
    Attack("netlink", "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\nprint('ESCAPED')"),
    Attack(
        "raw packets",
        "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)\nprint('ESCAPED')",
        control_needs="root",
    ),
    Attack("a name", "import socket\nprint('ESCAPED', socket.getaddrinfo('localhost', 80))", meets="gaierror"),
    Attack(
        "io_uring", SYSCALL + "p = ctypes.create_string_buffer(120)\ncall(425, 4, p)\nprint('ESCAPED')", control=False
    ),
    # --- processes
    Attack("fork", "import os\nif os.fork() == 0: os._exit(0)\nprint('ESCAPED')"),
    Attack(
        "vfork by number",
        SYSCALL
        + "import platform\nif platform.machine() != 'x86_64': raise PermissionError\nif call(57) == 0: os._exit(0)\nprint('ESCAPED')",
    ),
    Attack(
        "clone3 by number",
        SYSCALL
        + "a = (ctypes.c_ulonglong * 11)(0, 0, 0, 0, 17)\nif call(435, a, 88) == 0: os._exit(0)\nprint('ESCAPED')",
        meets="not implemented",
    ),
    Attack("exec", "import os\nos.execv('/bin/echo', ['echo', 'ESCAPED'])"),
    Attack("a shell", "import subprocess\nprint('ESCAPED', subprocess.run(['/bin/sh', '-c', 'true']))"),
    Attack("os.system", "import os\nif os.system('true') == 0: print('ESCAPED')\nraise PermissionError"),
    Attack("posix_spawn", "import os\nos.posix_spawn('/bin/true', ['true'], {})\nprint('ESCAPED')"),
    Attack(
        "multiprocessing",
        "import multiprocessing as m\np = m.get_context('fork').Process(target=print)\np.start()\np.join()\nprint('ESCAPED')",
    ),
    Attack("a new session", "import os\nif os.fork() == 0:\n    os.setsid()\n    os._exit(0)\nprint('ESCAPED')"),
    Attack("a signal to another", "import os\nos.kill({victim}, 0)\nprint('ESCAPED')", meets="Error"),
    Attack("a signal to its parent", "import os\nos.kill(os.getppid(), 0)\nprint('ESCAPED')"),
    Attack("a signal to everybody", "import os\nos.kill(-1, 0)\nprint('ESCAPED')", control=False),
    Attack("a signal to its group", "import os\nos.kill(0, 0)\nprint('ESCAPED')"),
    Attack("a signal to a thread", SYSCALL + "call({tgkill}, {victim}, {victim}, 0)\nprint('ESCAPED')"),
    Attack(
        "a signal by descriptor",
        "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open({victim}), 0)\nprint('ESCAPED')",
    ),
    Attack(
        "a queued signal",
        SYSCALL + "i = ctypes.create_string_buffer(128)\ncall({rt_sigqueueinfo}, {victim}, 0, i)\nprint('ESCAPED')",
        control=False,
    ),
    Attack(
        "a signal by the news of a pipe",  # the kernel sends it, whoever it is for
        "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, 8, {victim})\nfcntl.fcntl(r, 10, 9)\n"
        "fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)\nos.write(w, b'x')\nprint('ESCAPED')",
    ),
    Attack(
        "another's limits", "import resource as r\nr.prlimit({victim}, r.RLIMIT_NOFILE, (64, 64))\nprint('ESCAPED')"
    ),
    Attack("another's priority", "import os\nos.setpriority(os.PRIO_PROCESS, {victim}, 19)\nprint('ESCAPED')"),
    Attack(
        "another's processor", "import os\nos.sched_setaffinity({victim}, os.sched_getaffinity(0))\nprint('ESCAPED')"
    ),
    Attack(
        "tracing another",
        CTYPES
        + "if libc.ptrace(16, {victim}, 0, 0) < 0: raise OSError(ctypes.get_errno(), 'ptrace')\nprint('ESCAPED')",
        control_needs="root",
    ),
    Attack(
        "another's memory by number",
        SYSCALL + "b = ctypes.create_string_buffer(8)\nv = (ctypes.c_size_t * 2)(ctypes.addressof(b), 8)\n"
        "call({process_vm_readv}, {victim}, v, 1, v, 1, 0)\nprint('ESCAPED')",
        control=False,
    ),
    # --- what outlives it, and the kernel
    Attack(
        "shared memory that stays", SYSCALL + "call({shmctl}, call({shmget}, 0, 4096, 0o1600), 0, 0)\nprint('ESCAPED')"
    ),
    Attack(
        "shared memory by name",
        "from multiprocessing import shared_memory\ns = shared_memory.SharedMemory(create=True, size=9)\ns.unlink()\nprint('ESCAPED')",
    ),
    Attack("memory as a file", "import os\nos.memfd_create('m')\nprint('ESCAPED')"),
    Attack(
        "a file's pages in memory",
        "import mmap\nf = open('f', 'w+b')\nf.truncate(4096)\nmmap.mmap(f.fileno(), 4096)\nprint('ESCAPED')",
    ),
    Attack("a large pipe", "import fcntl, os\nfcntl.fcntl(os.pipe()[0], 1031, 1 << 20)\nprint('ESCAPED')"),
    Attack(
        "a user namespace",
        CTYPES + "if libc.unshare(0x10000000) < 0: raise OSError(ctypes.get_errno(), 'unshare')\nprint('ESCAPED')",
        control=False,
    ),
    Attack(
        "mounting",
        CTYPES
        + "if libc.mount(b'none', b'.', b'tmpfs', 0, None) < 0: raise OSError(ctypes.get_errno(), 'mount')\nprint('ESCAPED')",
        control=False,
    ),
    Attack("another root", "import os\nos.chroot('.')\nprint('ESCAPED')", control_needs="root"),
    Attack("another user", "import os\nos.setuid(os.getuid())\nprint('ESCAPED')"),
    Attack("bpf", SYSCALL + "call({bpf}, 0, ctypes.create_string_buffer(64), 64)\nprint('ESCAPED')", control=False),
    Attack(
        "performance counters",
        SYSCALL + "call({perf_event_open}, ctypes.create_string_buffer(128), 0, -1, -1, 0)\nprint('ESCAPED')",
        control=False,
    ),
    Attack("the key ring", SYSCALL + "call({keyctl}, 0, -3, 1)\nprint('ESCAPED')", control=False),
    Attack(
        "outliving its parent",
        CTYPES + "if libc.prctl(1, 0, 0, 0, 0) < 0: raise OSError(ctypes.get_errno(), 'prctl')\nprint('ESCAPED')",
    ),
    Attack("its processor", "import os\nos.sched_setaffinity(0, os.sched_getaffinity(0))\nprint('ESCAPED')"),
    Attack(
        "a higher limit",
        "import resource as r\nr.setrlimit(r.RLIMIT_DATA, (-1, -1))\nprint('ESCAPED')",
        meets="ValueError",
    ),
    Attack("the clock", "import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)\nprint('ESCAPED')", control=False),
]


@dataclass(frozen=True, slots=True)
class Abuse:
    """A program that takes more than its share: by which limit it is stopped, or which error it meets."""

    name: str
    program: str
    killed: str = ""
    error: str = ""
    seconds: float = 8

    def __str__(self) -> str:
        return self.name


LOCAL = "import os, time\n"
ABUSES = [
    Abuse("a block of memory", "b = bytearray(3 << 30)", error="MemoryError"),
    Abuse("memory bit by bit", "b = []\nwhile True: b.append(bytearray(8 << 20))", error="MemoryError", seconds=30),
    Abuse(
        "memory bit by bit, never giving up",
        "b = []\nwhile True:\n    try: b.append(bytearray(1 << 20))\n    except MemoryError: pass",
        killed="time",
        seconds=3,
    ),
    Abuse(
        "shared memory",
        "import mmap\nm = []\nwhile True:\n    m.append(mmap.mmap(-1, 64 << 20))\n    m[-1].write(b'x' * (64 << 20))",
        killed="memory",
        seconds=30,
    ),
    Abuse("one enormous number", "x = 10 ** (10 ** 9)", killed="time", seconds=2),
    Abuse("computing without an end", "while True: pass", killed="time", seconds=1),
    Abuse("an expression without an end", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')", killed="time", seconds=1),
    Abuse("sleeping", "import time\ntime.sleep(600)", killed="time", seconds=1),
    Abuse(
        "catching everything",
        "import signal, time\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
        "while True:\n    try: time.sleep(60)\n    except BaseException: pass",
        killed="time",
        seconds=1,
    ),
    Abuse("stopping itself", LOCAL + "os.kill(os.getpid(), 19)\ntime.sleep(600)", killed="time", seconds=1),
    Abuse(
        "waiting for a thread",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
        killed="time",
        seconds=1,
    ),
    Abuse("printing without an end", "while True: print('x' * 1000)", killed="output", seconds=30),
    Abuse("showing without an end", "while True: display([{'a': 'x' * 900}] * 100)", killed="output", seconds=30),
    Abuse("one large file", "f = open('f', 'wb')\nwhile True: f.write(b'x' * (1 << 20))", error="File too large"),
    Abuse(
        "many large files",
        "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'wb').write(b'x' * (16 << 20))",
        killed="disk",
        seconds=30,
    ),
    Abuse(
        "large files that are nowhere",
        LOCAL
        + "fs = []\nfor n in range(40):\n    f = open('f', 'wb')\n    os.unlink('f')\n    f.write(b'x' * (16 << 20))\n    fs.append(f)\ntime.sleep(60)",
        killed="disk",
        seconds=30,
    ),
    Abuse("a sparse file", "open('f', 'wb').truncate(1 << 40)", error="File too large"),
    Abuse(
        "more files than anybody needs",
        LOCAL + "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'w').close()\n    time.sleep(0.0001)",
        killed="disk",
        seconds=30,
    ),
    Abuse(
        "folders in folders",
        LOCAL + "while True:\n    os.mkdir('d')\n    os.chdir('d')\n    time.sleep(0.0001)",
        killed="disk",
        seconds=30,
    ),
    Abuse(
        "closed folders",
        LOCAL
        + "for n in range(9):\n    os.mkdir(f'd{n}')\n    os.mkdir(f'd{n}/e')\nos.mkdir('closed', 0)\nraise ValueError('made')",
        error="made",
    ),
    Abuse(
        "threads",
        "import threading, time\nthreading.stack_size(1 << 16)\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        killed="threads",
        seconds=30,
    ),
    Abuse("descriptors", LOCAL + "fs = []\nwhile True: fs.append(os.pipe())", error="Too many open files"),
    Abuse("falling over", "import ctypes\nctypes.string_at(0)", killed="crashed"),
    Abuse(
        "calls of another architecture",
        "import ctypes, platform\nif platform.machine() != 'x86_64': ctypes.string_at(0)\nctypes.CDLL(None).syscall(0x40000000 + 57)",
        killed="crashed",
    ),
    Abuse("leaving without a word", LOCAL + "os._exit(0)", error="ended without a word"),
    Abuse("leaving with a status", LOCAL + "os._exit(7)", error="status 7"),
    Abuse("hiding", LOCAL + "os.closerange(0, 64)\ntime.sleep(600)", error="ended", seconds=4),
    Abuse("recursion", "def f(): return f()\nf()", error="RecursionError"),
    Abuse(
        "an error that cannot be shown",
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        error="cannot be shown",
    ),
    Abuse("an error of a megabyte", "raise ValueError('x' * (1 << 20))", error="ValueError"),
]
