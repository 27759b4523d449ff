package supervise

import (
	"io"
	"os"
	"strings"
)

// maxTail bounds how much of a log is read to find the reason of a death.
const maxTail = 16 << 10

// Tail returns the last lines of the log at path, at most n, of what was written after offset.
func Tail(path string, offset int64, n int) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size()-offset > maxTail {
		offset = info.Size() - maxTail
	}
	text, err := io.ReadAll(io.NewSectionReader(f, offset, maxTail))
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines[max(0, len(lines)-n):]
}
