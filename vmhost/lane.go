package vmhost

// lane runs things off the loop, so many at once, in order of arrival.
type lane struct {
	limit, bound int
	running      int
	alone        bool
	waiting      []task
}

type task struct {
	run func(done func())
	// alone: nothing of the lane runs beside it.
	alone bool
}

// add takes a task; false when too many wait.
func (l *lane) add(t task) bool {
	if len(l.waiting) >= l.bound {
		return false
	}
	l.waiting = append(l.waiting, t)
	l.pump()
	return true
}

func (l *lane) pump() {
	for len(l.waiting) > 0 && l.running < l.limit && !l.alone {
		t := l.waiting[0]
		if t.alone && l.running > 0 {
			return
		}
		l.waiting = l.waiting[1:]
		l.running++
		l.alone = t.alone
		t.run(func() {
			l.running--
			if t.alone {
				l.alone = false
			}
			l.pump()
		})
	}
}
