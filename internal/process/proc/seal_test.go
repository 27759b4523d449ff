package proc

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// trySealed is what a program does that seals itself: it writes down what it is let do then, by a thread that was there
// before and by one that wasn't.
func trySealed() {
	ask, told := make(chan bool), make(chan string)
	go func() {
		<-ask
		told <- stillCan()
	}()
	fmt.Println("seal:", Seal())
	ask <- true
	fmt.Print(<-told, stillCan())
	more := make([]byte, 64<<20) // memory and time are still there
	more[len(more)-1] = 1
	<-time.After(time.Millisecond)
	go func() { told <- "goes on" }()
	fmt.Println(<-told)
}

// stillCan says which sealed calls are answered by anything but a refusal.
func stillCan() (could string) {
	for _, number := range sealed {
		if err := call(number, 0); err != unix.EPERM {
			could += fmt.Sprintf("call %d is answered with %v\n", number, err)
		}
	}
	if _, err := os.ReadFile("/proc/self/status"); err == nil {
		could += "it reads files\n"
	}
	return could
}

func TestASealedProgramReachesNothingNew(t *testing.T) {
	if !Seccomp() {
		t.Skip("this kernel filters no calls, or nobody knows their numbers on this machine")
	}
	if got := playMode(t, "sealed", Confinement{}); !strings.HasPrefix(got, "seal: <nil>\ngoes on\n") {
		t.Errorf("it wrote\n%s", got)
	}
}
