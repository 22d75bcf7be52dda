# What a desktop and a service manager want to know. The completions are printed by the program that was built.
EXTRA_DIST += packaging/offhook.service.in packaging/offhook.desktop.in packaging/offhook-open.in
userunitdir = $(prefix)/lib/systemd/user
applicationsdir = $(datadir)/applications
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
userunit_DATA = packaging/offhook.service
applications_DATA = packaging/offhook.desktop
bashcompletion_DATA = packaging/offhook
zshcompletion_DATA = packaging/_offhook
fishcompletion_DATA = packaging/offhook.fish
bin_SCRIPTS = packaging/offhook-open
CLEANFILES += $(userunit_DATA) $(applications_DATA) $(bashcompletion_DATA) $(zshcompletion_DATA) $(fishcompletion_DATA) $(bin_SCRIPTS)

with_bindir = @mkdir -p packaging && $(SED) -e 's,@bindir\@,$(bindir),g'
packaging/offhook.service: packaging/offhook.service.in Makefile
	$(with_bindir) $(top_srcdir)/packaging/offhook.service.in >$@
packaging/offhook.desktop: packaging/offhook.desktop.in Makefile
	$(with_bindir) $(top_srcdir)/packaging/offhook.desktop.in >$@
packaging/offhook-open: packaging/offhook-open.in Makefile
	$(with_bindir) $(top_srcdir)/packaging/offhook-open.in >$@ && chmod +x $@
packaging/offhook: offhook$(EXEEXT)
	@mkdir -p packaging && ./offhook$(EXEEXT) --print-completion bash >$@
packaging/_offhook: offhook$(EXEEXT)
	@mkdir -p packaging && ./offhook$(EXEEXT) --print-completion zsh >$@
packaging/offhook.fish: offhook$(EXEEXT)
	@mkdir -p packaging && ./offhook$(EXEEXT) --print-completion fish >$@
