package audit

import (
	"errors"
	"fmt"
	"io"

	"github.com/ostiary/ostiary/core/domain"
)

// explain determines the cause of a gap from the later entries: the entry that revealed the gap was copied forward,
// or the missing entry was moved back or removed.
func (v *fileVerifier) explain() error {
	moved := Finding{Damage: DamageMoved, Seq: v.missing, Reason: "it is behind entries that were written after it"}
	err := v.each(func(l *line, at int64) error {
		switch {
		case at <= v.noticed.Line:
		case l.Seq == v.noticed.Seq:
			v.noticed.Damage, v.noticed.Reason = DamageAdded, fmt.Sprintf("its place occurs twice, again in line %d", at)
			v.found(v.noticed)
			return errEnough
		case l.Seq == v.missing && moved.Line == 0:
			moved.Line, moved.ID = at, l.ID
		}
		return nil
	})
	if err := unless(err, errEnough); err != nil || v.report.Finding != nil {
		return err
	}
	if moved.Line > 0 {
		v.found(moved)
		return nil
	}
	v.found(Finding{Damage: DamageRemoved, Seq: v.missing, Line: v.noticed.Line, Reason: "the entry after it is still here"})
	return nil
}

// each calls yield for each parsable entry, with the number of its line.
func (v *fileVerifier) each(yield func(l *line, at int64) error) error {
	for again := v.open(); again.offset < v.layout.proofAt; {
		raw, err := again.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if again.isFrame(raw) {
			continue
		}
		if l, _, broken := again.parse(raw); broken == nil {
			if err := yield(&l, again.number); err != nil {
				return err
			}
		}
	}
	return nil
}

// copies reports an id that occurs twice too far apart for the first pass to detect.
func (v *fileVerifier) copies() error {
	copied, err := v.ids.search(func(yield func(domain.LogID, int64) error) error {
		return v.each(func(l *line, _ int64) error { return yield(l.ID, l.Seq) })
	})
	if err != nil || copied == nil {
		return err
	}
	f := copied.finding()
	err = v.each(func(l *line, at int64) error {
		if l.Seq == f.Seq {
			f.Line = at
			return errEnough
		}
		return nil
	})
	v.found(*f)
	return unless(err, errEnough)
}

// misplaced reports an entry that does not follow the previous one: a copy, if an earlier entry has its position.
func (v *fileVerifier) misplaced(l *line) error {
	found := about(DamageMoved, l, "it does not belong behind the entry before it")
	err := v.each(func(earlier *line, at int64) error {
		switch {
		case at >= v.entries.number:
			return errEnough
		case earlier.Seq == l.Seq:
			found = about(DamageAdded, l, fmt.Sprintf("its place occurs twice, before in line %d", at))
			return errEnough
		}
		return nil
	})
	v.found(found)
	return unless(err, errEnough)
}
