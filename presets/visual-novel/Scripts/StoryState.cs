using System;
using System.Collections.Generic;

namespace Spark.VisualNovel
{
    /// <summary>Where the player is and what was chosen so far. JsonUtility knows no dictionaries, so variables lie in two lists.</summary>
    [Serializable]
    public sealed class StoryState
    {
        public string nodeId;
        public int lineIndex;
        public List<string> names = new List<string>();
        public List<int> values = new List<int>();

        public int Get(string variable)
        {
            int index = names.IndexOf(variable);
            return index < 0 ? 0 : values[index];
        }

        public void Set(string variable, int value)
        {
            int index = names.IndexOf(variable);
            if (index >= 0)
            {
                values[index] = value;
                return;
            }

            names.Add(variable);
            values.Add(value);
        }

        public void GoTo(string id)
        {
            nodeId = id;
            lineIndex = 0;
        }
    }
}
