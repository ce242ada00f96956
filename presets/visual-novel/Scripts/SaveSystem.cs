using UnityEngine;

namespace Spark.VisualNovel
{
    /// <summary>Keeps story states in numbered slots. PlayerPrefs work on every platform; on WebGL they lie in the browser's IndexedDB.</summary>
    public static class SaveSystem
    {
        private const string Prefix = "Spark.VisualNovel.slot.";

        public static bool Has(int slot)
        {
            return PlayerPrefs.HasKey(Key(slot));
        }

        public static void Save(int slot, StoryState state)
        {
            PlayerPrefs.SetString(Key(slot), JsonUtility.ToJson(state));
            PlayerPrefs.Save();
        }

        /// <summary>False when the slot is empty or holds something else.</summary>
        public static bool TryLoad(int slot, out StoryState state)
        {
            state = null;
            if (!Has(slot)) return false;
            try
            {
                state = JsonUtility.FromJson<StoryState>(PlayerPrefs.GetString(Key(slot)));
            }
            catch (System.ArgumentException)
            {
                return false;
            }

            return state != null && !string.IsNullOrEmpty(state.nodeId) && state.names.Count == state.values.Count;
        }

        public static void Delete(int slot)
        {
            PlayerPrefs.DeleteKey(Key(slot));
            PlayerPrefs.Save();
        }

        private static string Key(int slot)
        {
            return Prefix + slot;
        }
    }
}
