package securityapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
)

func (a *api) settingsRoutes() []httpserver.Route {
	configures := httpserver.Requires(domain.SystemConfigure)
	return []httpserver.Route{
		route(http.MethodGet, "/settings/security", configures, a.getSettings),
		route(http.MethodPatch, "/settings/security", configures, a.updateSettings),
	}
}

func (a *api) getSettings(r *httpserver.Request) error {
	s, err := a.Settings.Get(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	return answerSettings(r, settings.Patched{Settings: s})
}

func (a *api) updateSettings(r *httpserver.Request) error {
	version, err := ifMatch(r.Header("If-Match"))
	if err != nil {
		return err
	}
	var in UpdateSettingsRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	s, err := a.Settings.Patch(r.Context(), r.Principal, settingsPatch(in), version)
	if err != nil {
		return err
	}
	return answerSettings(r, s)
}

// ifMatch returns the version that If-Match names; zero for none and for "*", which any version is. Of a list the
// latest counts, which is the only one that can be in force. What is no strong entity tag of ours cannot match (RFC
// 9110, 13.1.1).
func ifMatch(header string) (int64, error) {
	if header == "" || header == "*" {
		return 0, nil
	}
	latest := int64(0)
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.Trim(tag, " \t")
		if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			continue
		}
		if version, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64); err == nil {
			latest = max(latest, version)
		}
	}
	if latest < 1 {
		return 0, fault.ErrPrecondition
	}
	return latest, nil
}

// settingsPatch returns the settings that a merge patch gives, by their names.
func settingsPatch(in UpdateSettingsRequest) settings.Patch {
	patch := settings.Patch{}
	if in.Profile != nil {
		patch[settings.Profile] = string(*in.Profile)
	}
	addGiven(patch, "", reflect.ValueOf(in))
	return patch
}

// addGiven adds the members of the policies in a struct of optional members to the patch.
func addGiven(patch settings.Patch, prefix string, members reflect.Value) {
	for field, value := range members.Fields() {
		if value.IsNil() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		given := value.Elem()
		switch {
		case given.Kind() == reflect.Struct:
			addGiven(patch, name+".", given)
		case prefix == "": // the profile, and what is ignored
		case given.Kind() == reflect.Slice:
			texts := make([]string, given.Len())
			for i := range texts {
				texts[i] = given.Index(i).String()
			}
			patch[prefix+name] = texts
		default:
			patch[prefix+name] = given.Interface()
		}
	}
}

func answerSettings(r *httpserver.Request, patched settings.Patched) error {
	s := &patched.Settings
	r.SetHeader("ETag", strconv.Quote(strconv.FormatInt(s.Version, 10)))
	answer := map[string]any{}
	for _, setting := range domain.SecuritySettings {
		policy, name, _ := strings.Cut(setting.Name, ".")
		members, ok := answer[policy].(map[string]any)
		if !ok {
			members = map[string]any{}
			answer[policy] = members
		}
		members[name] = setting.Value(s)
	}
	if advice := settings.Advisories(s); len(advice) > 0 {
		answer["advisories"] = advice
	}
	if len(patched.Warnings) > 0 {
		answer["warnings"] = patched.Warnings
	}
	return r.JSON(http.StatusOK, answer)
}
