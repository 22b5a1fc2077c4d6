# Two targets and no logic: ./setup installs what is missing, the scripts in dev/ do the rest.
.PHONY: demo check

demo:
	@./setup
	@dev/demo

check:
	@./setup
	@dev/check
