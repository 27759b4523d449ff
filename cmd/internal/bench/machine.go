package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine says in one line where a figure was taken: cores, processor, memory, kernel, Go, and the load of the
// minute before, because a figure from a busy machine reads differently.
func Machine() string {
	parts := []string{fmt.Sprintf("%d × %s", runtime.NumCPU(), processor())}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err == nil {
		parts = append(parts, fmt.Sprintf("%d GiB", (info.Totalram*uint64(info.Unit)+1<<29)>>30))
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		parts = append(parts, unix.ByteSliceToString(name.Sysname[:])+" "+unix.ByteSliceToString(name.Release[:]))
	}
	parts = append(parts, runtime.Version())
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		minute, _, _ := strings.Cut(string(load), " ")
		parts = append(parts, "load "+minute)
	}
	return strings.Join(parts, ", ")
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}
