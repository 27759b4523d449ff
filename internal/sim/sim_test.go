package sim

import (
	"os"
	"testing"
	"time"
)

func TestBoot(t *testing.T) {
	out := Run(Config{Validators: 5, Duration: 5 * time.Second, Heal: time.Second, Calm: true, Trace: os.Stderr}, 1)
	t.Logf("%+v", out)
}
