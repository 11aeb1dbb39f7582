# %%bash, %cd, ! and files left everywhere.
# verdict: correct
# %% before
%%bash
echo hello > left_over.txt
mkdir -p a/b/c
(sleep 1000 &) > /dev/null 2>&1
# %% before
%cd ..
!touch ../left_over.txt left_over.txt
