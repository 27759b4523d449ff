package descriptors

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAllPartsTogetherAreLessThanThereAre(t *testing.T) {
	for _, limit := range []int{128, 256, 1024, 4096, 1 << 20} {
		d := Divide(limit)
		if sum := own + d.Database + d.Peers + d.Clients; sum > limit || d.Clients < 8 {
			t.Errorf("%d descriptors are divided into %+v", limit, d)
		}
	}
}

func TestTheLimitIsRaisedAsFarAsItMayBe(t *testing.T) {
	var before, l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &before) })
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: min(200, before.Max), Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	d := Count()
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur != before.Max || d.Limit <= 0 {
		t.Errorf("the limit is %+v, %v; what is divided is %+v", l, err, d)
	}
}

func TestASmallLimitIsSaid(t *testing.T) {
	for limit, want := range map[int]bool{256: true, 1 << 20: false} {
		var b bytes.Buffer
		Divide(limit).Tell(slog.New(slog.NewTextHandler(&b, nil)))
		if strings.Contains(b.String(), "limit=256") != want {
			t.Errorf("of %d descriptors it is said: %s", limit, b.String())
		}
	}
}
